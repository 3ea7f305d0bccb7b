//! What a product team would write in place of the Tenant Registry: axum and sqlx on the same tables. README.md says what it
//! leaves out.

mod api_keys;
mod audit;
mod error;
mod hashes;
mod log;
mod tenants;
mod time;

use axum::extract::State;
use axum::routing::{get, post};
use axum::serve::ListenerExt;
use axum::{Router, middleware};
use mimalloc::MiMalloc;
use sqlx::postgres::{PgConnectOptions, PgPoolOptions};
use sqlx::{Connection, PgPool};
use std::env;
use std::error::Error;
use std::net::SocketAddr;
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};

use error::ApiError;
use hashes::Hashes;

#[global_allocator]
static ALLOCATOR: MiMalloc = MiMalloc;

const CONNECTIONS: u32 = 16;

/// A connection that was unused for longer is checked before it is used.
const CHECKED_AFTER: Duration = Duration::from_secs(60);

/// What the handlers share.
#[derive(Clone)]
struct App {
    database: PgPool,
    hashes: Hashes,
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    log::start();
    let app = App {
        database: connect(&env::var("DATABASE_URL")?)?,
        hashes: Hashes::new()?,
    };
    let router = Router::new()
        .route("/readyz", get(ready))
        .route("/v1/internal/api-keys/verify", post(api_keys::verify))
        .route("/v1/audit", get(audit::list).post(audit::append))
        .route("/v1/tenants/{id}", get(tenants::get))
        .layer(middleware::from_fn(log::log_request))
        .with_state(app);
    let listener = TcpListener::bind(env::var("BIND_ADDR")?).await?;
    println!("listening on http://{}", listener.local_addr()?);
    let listener = listener.tap_io(|stream| {
        // Without it, responses are only slower.
        let _ = stream.set_nodelay(true);
    });
    let mut terminate = signal(SignalKind::terminate())?;
    axum::serve(listener, router.into_make_service_with_connect_info::<SocketAddr>())
        .with_graceful_shutdown(async move {
            terminate.recv().await;
        })
        .await?;
    Ok(())
}

fn connect(url: &str) -> Result<PgPool, sqlx::Error> {
    let options = url
        .parse::<PgConnectOptions>()?
        .application_name("by-hand")
        .options([("statement_timeout", "5s")]);
    let pool = PgPoolOptions::new()
        .max_connections(CONNECTIONS)
        .test_before_acquire(false)
        .before_acquire(|connection, metadata| {
            Box::pin(async move {
                if metadata.idle_for > CHECKED_AFTER {
                    connection.ping().await?;
                }
                Ok(true)
            })
        });
    Ok(pool.connect_lazy_with(options))
}

async fn ready(State(app): State<App>) -> Result<(), ApiError> {
    sqlx::query("SELECT 1").execute(&app.database).await?;
    Ok(())
}
