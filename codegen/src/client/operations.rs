//! Writes the enum of operations, which hand-written code matches to treat operations differently.

use proc_macro2::{Literal, TokenStream};
use quote::quote;

use super::documentation;
use crate::model::Api;

/// The file's items.
pub(super) fn items(api: &Api) -> TokenStream {
    let documentation = api.operations.iter().map(documentation::variant);
    let names: Vec<_> = api.operations.iter().map(documentation::type_name).collect();
    let ids: Vec<_> = api.operations.iter().map(|it| it.id.as_str()).collect();
    let count = Literal::usize_unsuffixed(names.len());
    quote! {
        /// An operation of the API.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Operation {
            #( #documentation #names, )*
        }

        impl Operation {
            /// Every operation, in the order of the spec.
            pub const ALL: [Self; #count] = [#(Self::#names,)*];

            /// The operation's `operationId`.
            pub const fn id(self) -> &'static str {
                match self {
                    #( Self::#names => #ids, )*
                }
            }

            /// Returns the operation with this `operationId`, if it exists.
            pub fn from_id(id: &str) -> Option<Self> {
                Self::ALL.into_iter().find(|operation| operation.id() == id)
            }
        }

        impl ::std::fmt::Display for Operation {
            fn fmt(&self, f: &mut ::std::fmt::Formatter<'_>) -> ::std::fmt::Result {
                f.write_str(self.id())
            }
        }
    }
}
