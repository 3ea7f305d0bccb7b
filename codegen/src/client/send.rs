//! Rewrites the method that sends a request.
//!
//! progenitor always sends a body (its issue 384); here a body that is not set is not sent. The other changes make the method
//! readable: the path is encoded before it is formatted, there is no map for a single header, and equal match arms are
//! merged. Query parameters are sent as plain pairs, because progenitor's `QueryParam` loses the name of a value that is
//! serialized as a newtype.

use proc_macro2::{Literal, TokenStream};
use quote::{ToTokens, quote};
use syn::{Expr, ExprCall, ExprMatch, ExprMethodCall, ImplItemFn, Lit, Local, Pat, ReturnType, Stmt, Type};

use super::parts::{argument, missing};
use crate::Error;
use crate::model::{self, Api, HeaderParameter, Kind, Location, Operation, Parameter, Segment};
use crate::names;

/// The type of a success, `T` of `Result<ResponseValue<T>, Error<E>>`.
pub(super) fn success_type<'a>(operation: &Operation, send: &'a ImplItemFn) -> Result<&'a Type, Error> {
    let value = match &send.sig.output {
        ReturnType::Type(_, ty) => argument(ty, "Result"),
        ReturnType::Default => None,
    };
    value
        .and_then(|value| argument(value, "ResponseValue"))
        .ok_or_else(|| missing("the type of the response").in_operation(&operation.id))
}

/// The body of the method.
pub(super) fn body(api: &Api, operation: &Operation, send: &ImplItemFn) -> Result<TokenStream, Error> {
    let mut tokens = TokenStream::new();
    let (mut urls, mut requests) = (0, 0);
    for statement in &send.block.stmts {
        match (local_name(statement).as_deref(), statement) {
            (Some("url"), _) => {
                urls += 1;
                tokens.extend(url(api, operation));
            }
            (Some("request"), Stmt::Local(local)) => {
                requests += 1;
                tokens.extend(request(operation, local).map_err(|error| error.in_operation(&operation.id))?);
            }
            // Headers are set on the request itself.
            (Some("header_map"), _) => {}
            (_, Stmt::Expr(Expr::MethodCall(call), _)) if is_header_map(&call.receiver) => {}
            (_, Stmt::Expr(Expr::If(_), _)) => {}
            (_, Stmt::Expr(Expr::Match(matching), None)) => tokens.extend(merge_arms(matching)),
            _ => statement.to_tokens(&mut tokens),
        }
    }
    match (urls, requests) {
        (1, 1) => Ok(tokens),
        _ => Err(missing("`let url` or `let request`").in_operation(&operation.id)),
    }
}

/// `x` of `let x = …;`.
fn local_name(statement: &Stmt) -> Option<String> {
    let Stmt::Local(local) = statement else {
        return None;
    };
    let Pat::Ident(pattern) = &local.pat else {
        return None;
    };
    Some(pattern.ident.to_string())
}

fn is_header_map(expression: &Expr) -> bool {
    matches!(expression, Expr::Path(path) if path.path.is_ident("header_map"))
}

/// Encodes the path's variables and formats the URL. progenitor does not encode `\`, which a URL has in place of `/`.
fn url(api: &Api, operation: &Operation) -> TokenStream {
    let variables = operation
        .parameters
        .iter()
        .filter(|parameter| parameter.location == Location::Path)
        .map(|parameter| {
            let name = names::field(&parameter.name);
            let backslash = is_text(api, &parameter.ty).then(|| quote! { .replace('\\', "%5C") });
            quote! { let #name = ::progenitor_client::encode_path(&#name.to_string()) #backslash; }
        });
    let path: String = operation
        .path
        .iter()
        .map(|segment| match segment {
            Segment::Literal(text) => format!("/{text}"),
            Segment::Variable(name) => format!("/{{{}}}", names::field(name)),
        })
        .collect();
    let template = format!("{{}}{path}");
    quote! {
        #(#variables)*
        let url = format!(#template, client.baseurl);
    }
}

/// Whether a value can contain any character.
fn is_text(api: &Api, ty: &model::Type) -> bool {
    match ty {
        model::Type::String => true,
        model::Type::Named(name) => matches!(api.schema(name).map(|schema| &schema.kind), Some(Kind::Text(_))),
        model::Type::Boolean
        | model::Type::Integer(_)
        | model::Type::Number
        | model::Type::Formatted(_)
        | model::Type::Array(_)
        | model::Type::FreeForm => false,
    }
}

/// `let mut request = client.client.post(url)….build()?;`, in several statements if the body or a header may be absent.
fn request(operation: &Operation, local: &Local) -> Result<TokenStream, Error> {
    let unexpected = || missing("the request's `….build()?`");
    let Some(Expr::Try(attempt)) = local.init.as_ref().map(|init| init.expr.as_ref()) else {
        return Err(unexpected());
    };
    let Expr::MethodCall(ExprMethodCall {
        receiver: chain,
        method,
        ..
    }) = attempt.expr.as_ref()
    else {
        return Err(unexpected());
    };
    if method != "build" {
        return Err(unexpected());
    }
    let mut chain = chain.as_ref().clone();
    if remove_calls("headers", &mut chain) != 1 {
        return Err(missing("the request's `.headers(header_map)`"));
    }
    let bodies = remove_calls("json", &mut chain);
    pair_queries(&mut chain)?;
    let mut chain = quote! { #chain.header("api-version", crate::generated::Client::api_version()) };
    if operation.idempotency.is_some() {
        // A request whose caller has no key gets one, so that it can be sent again.
        chain = quote! {
            #chain.header(crate::idempotency_key::HEADER, crate::idempotency_key::of_request(idempotency_key.as_ref()))
        };
    }
    // The calls that depend on whether a value is set.
    let mut optional: Vec<TokenStream> = operation.parameters.iter().filter_map(header).collect();
    let chain = match (&operation.body, bodies) {
        (None, 0) => chain,
        // reqwest keeps a content type that is already set.
        (Some(body), 1) if body.is_merge_patch => {
            quote! { #chain.header("content-type", "application/merge-patch+json").json(&body) }
        }
        (Some(body), 1) if body.required => quote! { #chain.json(&body) },
        (Some(_), 1) => {
            optional.push(quote! {
                if let Some(body) = &body {
                    request = request.json(body);
                }
            });
            chain
        }
        (None | Some(_), _) => return Err(missing("the request's `.json(&body)`")),
    };
    Ok(if optional.is_empty() {
        quote! { let mut request = #chain.build()?; }
    } else {
        quote! {
            let mut request = #chain;
            #(#optional)*
            let mut request = request.build()?;
        }
    })
}

/// Sets a header parameter. All of them are optional.
fn header(parameter: &Parameter) -> Option<TokenStream> {
    match parameter.location {
        Location::Path | Location::Query => None,
        Location::Header(header) => {
            let constant = match header {
                HeaderParameter::IfMatch => quote! { ::reqwest::header::IF_MATCH },
                HeaderParameter::IfNoneMatch => quote! { ::reqwest::header::IF_NONE_MATCH },
                // Always sent.
                HeaderParameter::IdempotencyKey => return None,
            };
            let field = names::field(&parameter.identifier());
            Some(quote! {
                if let Some(value) = &#field {
                    request = request.header(#constant, value);
                }
            })
        }
    }
}

/// Removes the calls of a method from a chain, and returns how many there were.
fn remove_calls(name: &str, chain: &mut Expr) -> usize {
    let Expr::MethodCall(call) = chain else {
        return 0;
    };
    let found = remove_calls(name, &mut call.receiver);
    if call.method != name {
        return found;
    }
    let receiver = call.receiver.as_ref().clone();
    *chain = receiver;
    found + 1
}

/// `.query(&QueryParam::new(name, &value))` becomes `.query(&[(name, &value)])`.
fn pair_queries(chain: &mut Expr) -> Result<(), Error> {
    let Expr::MethodCall(call) = chain else {
        return Ok(());
    };
    pair_queries(&mut call.receiver)?;
    if call.method != "query" {
        return Ok(());
    }
    let unexpected = || missing("the request's `.query(&QueryParam::new(name, &value))`");
    let Some(Expr::Reference(reference)) = call.args.first_mut() else {
        return Err(unexpected());
    };
    let Expr::Call(ExprCall { args, .. }) = reference.expr.as_ref() else {
        return Err(unexpected());
    };
    *reference.expr = Expr::Verbatim(quote! { [(#args)] });
    Ok(())
}

/// `400 => E, 404 => E` becomes `400 | 404 => E`. The arms keep the order of their first patterns.
fn merge_arms(matching: &ExprMatch) -> TokenStream {
    let mut arms: Vec<(Vec<TokenStream>, String, &Expr)> = Vec::new();
    for arm in &matching.arms {
        let pattern = pattern(&arm.pat);
        let body = arm.body.to_token_stream().to_string();
        match arms.iter_mut().find(|(_, known, _)| *known == body) {
            Some((patterns, ..)) => patterns.push(pattern),
            None => arms.push((vec![pattern], body, &arm.body)),
        }
    }
    let subject = &matching.expr;
    let arms = arms
        .iter()
        .map(|(patterns, _, body)| quote! { #(#patterns)|* => #body, });
    quote! { match #subject { #(#arms)* } }
}

/// The pattern, with a number written without its type.
fn pattern(pattern: &Pat) -> TokenStream {
    if let Pat::Lit(literal) = pattern
        && let Lit::Int(number) = &literal.lit
        && let Ok(number) = number.base10_parse()
    {
        Literal::u16_unsuffixed(number).to_token_stream()
    } else {
        pattern.to_token_stream()
    }
}
