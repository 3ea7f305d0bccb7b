//! The issuer of access tokens: an OpenID Connect provider.

use std::fmt;
use std::time::Duration;

use ::oauth2::basic::BasicClient;
use ::oauth2::url::form_urlencoded;
use ::oauth2::{
    AsyncHttpClient, DeviceAuthorizationUrl, EndpointNotSet, EndpointSet, RefreshToken, Scope,
    StandardDeviceAuthorizationResponse, TokenUrl,
};
use chrono::Utc;
use reqwest::Url;
use reqwest::header::CONTENT_TYPE;
use serde::Deserialize;

use super::error::{IssuerError, token_error};
use super::http::{self, HttpClient};
use super::{Registration, Tokens};
use crate::token::{TokenError, is_confidential};

const TOKEN_ENDPOINT: &str = "token endpoint";
const DEVICE_ENDPOINT: &str = "device authorization endpoint";
const REVOCATION_ENDPOINT: &str = "revocation endpoint";

/// An issuer of access tokens, with the endpoints that it publishes (OpenID Connect Discovery).
#[derive(Clone, Debug)]
pub struct Issuer {
    http: HttpClient,
    token_endpoint: TokenUrl,
    device_endpoint: Option<DeviceAuthorizationUrl>,
    revocation_endpoint: Option<Url>,
}

/// A device login that has begun: the user must open a page and enter a code (RFC 8628). `Debug` does not show its secret.
#[derive(Clone)]
pub struct DeviceLogin(StandardDeviceAuthorizationResponse);

/// What the issuer publishes about itself, as far as it is needed.
#[derive(Deserialize)]
struct Metadata {
    issuer: String,
    token_endpoint: Url,
    device_authorization_endpoint: Option<Url>,
    revocation_endpoint: Option<Url>,
}

type Oauth = BasicClient<EndpointNotSet, EndpointNotSet, EndpointNotSet, EndpointNotSet, EndpointSet>;

impl Issuer {
    /// Reads the endpoints of an issuer, such as `https://sso.example.com/realms/platform`.
    ///
    /// # Errors
    ///
    /// Returns an error if there is no such issuer, or if the URL of an endpoint is neither `https` nor on this machine.
    pub async fn discover(issuer: &str) -> Result<Self, TokenError> {
        let issuer = issuer.trim_end_matches('/');
        let url = format!("{issuer}/.well-known/openid-configuration");
        let url = Url::parse(&url).map_err(|_| IssuerError::Url)?;
        check(&url, "metadata")?;
        let http = http::client(&url)?;
        let request = ::oauth2::http::Request::get(url.as_str())
            .body(Vec::new())
            .map_err(|_| IssuerError::Url)?;
        let response = http.call(request).await?;
        if !response.status().is_success() {
            return Err(IssuerError::Missing("OpenID Connect metadata at this URL").into());
        }
        let metadata: Metadata =
            serde_json::from_slice(response.body()).map_err(|_| IssuerError::Unreadable("metadata"))?;
        if metadata.issuer.trim_end_matches('/') != issuer {
            return Err(IssuerError::OtherIssuer(metadata.issuer).into());
        }
        check(&metadata.token_endpoint, TOKEN_ENDPOINT)?;
        for (url, endpoint) in [
            (&metadata.device_authorization_endpoint, DEVICE_ENDPOINT),
            (&metadata.revocation_endpoint, REVOCATION_ENDPOINT),
        ] {
            url.as_ref().map_or(Ok(()), |url| check(url, endpoint))?;
        }
        Ok(Self {
            http,
            token_endpoint: TokenUrl::from_url(metadata.token_endpoint),
            device_endpoint: metadata
                .device_authorization_endpoint
                .map(DeviceAuthorizationUrl::from_url),
            revocation_endpoint: metadata.revocation_endpoint,
        })
    }

    /// Requests a token for the client itself (client credentials).
    ///
    /// # Errors
    ///
    /// Returns an error if the issuer is unreachable, or rejects the client or the scopes.
    pub async fn client_credentials(
        &self,
        registration: &Registration,
        scopes: &[String],
    ) -> Result<Tokens, TokenError> {
        let requested_at = Utc::now();
        let client = self.oauth(registration);
        let response = client
            .exchange_client_credentials()
            .add_scopes(scopes.iter().cloned().map(Scope::new))
            .request_async(&self.http)
            .await;
        let response = response.map_err(|error| token_error(TOKEN_ENDPOINT, error))?;
        Ok(Tokens::new(&response, requested_at))
    }

    /// Requests the next token with a refresh token. If the issuer returns no new refresh token, the old one remains valid.
    ///
    /// # Errors
    ///
    /// Returns an error if the issuer is unreachable, or if the refresh token is no longer valid.
    pub async fn refresh(&self, registration: &Registration, refresh_token: &str) -> Result<Tokens, TokenError> {
        let requested_at = Utc::now();
        let client = self.oauth(registration);
        let response = client
            .exchange_refresh_token(&RefreshToken::new(refresh_token.to_owned()))
            .request_async(&self.http)
            .await;
        let response = response.map_err(|error| token_error(TOKEN_ENDPOINT, error))?;
        let mut tokens = Tokens::new(&response, requested_at);
        tokens.refresh_token.get_or_insert_with(|| refresh_token.to_owned());
        Ok(tokens)
    }

    /// Begins a device login (RFC 8628).
    ///
    /// # Errors
    ///
    /// Returns an error if the issuer is unreachable, supports no device logins, or rejects the client or the scopes.
    pub async fn begin_device_login(
        &self,
        registration: &Registration,
        scopes: &[String],
    ) -> Result<DeviceLogin, TokenError> {
        let endpoint = self
            .device_endpoint
            .clone()
            .ok_or(IssuerError::Missing(DEVICE_ENDPOINT))?;
        let client = self.oauth(registration).set_device_authorization_url(endpoint);
        let response = client
            .exchange_device_code()
            .add_scopes(scopes.iter().cloned().map(Scope::new))
            .request_async(&self.http)
            .await;
        let response = response.map_err(|error| token_error(DEVICE_ENDPOINT, error))?;
        Ok(DeviceLogin(response))
    }

    /// Waits until the user has completed a device login.
    ///
    /// # Errors
    ///
    /// Returns an error if the user denies the login or does not complete it in time.
    pub async fn complete_device_login(
        &self,
        registration: &Registration,
        login: &DeviceLogin,
    ) -> Result<Tokens, TokenError> {
        let client = self.oauth(registration);
        let response = client
            .exchange_device_access_token(&login.0)
            .request_async(&self.http, tokio::time::sleep, None)
            .await;
        let response = response.map_err(|error| token_error(TOKEN_ENDPOINT, error))?;
        // The token was issued after the last wait, so it expires later than this says, never earlier.
        Ok(Tokens::new(&response, Utc::now()))
    }

    /// Revokes a refresh token (RFC 7009). Does nothing if the issuer cannot revoke tokens.
    ///
    /// # Errors
    ///
    /// Returns an error if the issuer is unreachable or rejects the request.
    pub async fn revoke(&self, registration: &Registration, refresh_token: &str) -> Result<(), TokenError> {
        let Some(endpoint) = self.revocation_endpoint.clone() else {
            return Ok(());
        };
        // Not by `oauth2`, which does not revoke tokens of a provider on this machine, because that may be plain http.
        let mut form = form_urlencoded::Serializer::new(String::new());
        form.append_pair("token", refresh_token);
        form.append_pair("token_type_hint", "refresh_token");
        form.append_pair("client_id", &registration.id);
        if let Some(secret) = &registration.secret {
            form.append_pair("client_secret", secret.secret());
        }
        let request = ::oauth2::http::Request::post(endpoint.as_str())
            .header(CONTENT_TYPE, "application/x-www-form-urlencoded")
            .body(form.finish().into_bytes())
            .map_err(|_| IssuerError::Unreadable(REVOCATION_ENDPOINT))?;
        let response = self.http.call(request).await?;
        if response.status().is_success() {
            Ok(())
        } else {
            Err(IssuerError::Rejected(format!("it returned {}", response.status())).into())
        }
    }

    fn oauth(&self, registration: &Registration) -> Oauth {
        let client = BasicClient::new(registration.id.clone()).set_token_uri(self.token_endpoint.clone());
        match &registration.secret {
            Some(secret) => client.set_client_secret(secret.clone()),
            None => client,
        }
    }
}

impl DeviceLogin {
    /// The page that the user must open.
    pub fn verification_uri(&self) -> &str {
        self.0.verification_uri().as_str()
    }

    /// The page with the code already entered, if the issuer offers it.
    pub fn verification_uri_complete(&self) -> Option<&str> {
        self.0.verification_uri_complete().map(|uri| uri.secret().as_str())
    }

    /// The code that the user must enter.
    pub fn user_code(&self) -> &str {
        self.0.user_code().secret()
    }

    /// How long the user has to complete the login.
    pub fn expires_in(&self) -> Duration {
        self.0.expires_in()
    }
}

impl fmt::Debug for DeviceLogin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DeviceLogin")
            .field("verification_uri", &self.verification_uri())
            .finish_non_exhaustive()
    }
}

fn check(url: &Url, endpoint: &'static str) -> Result<(), IssuerError> {
    if is_confidential(url) {
        Ok(())
    } else {
        Err(IssuerError::NotConfidential(endpoint))
    }
}
