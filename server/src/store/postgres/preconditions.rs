//! What the service relies on in the database, checked at the start.

use super::audit_log::INSERTED_COLUMNS;
use super::connection::{ConnectError, DatabaseUrl, connect_unpooled};
use super::scoped::BOUND_ROLE;
use diesel::prelude::*;
use diesel::sql_types::{Array, Bool, Integer, Nullable, Text};
use diesel_async::{AsyncPgConnection, RunQueryDsl, SimpleAsyncConnection};
use std::time::Duration;
use thiserror::Error;
use tracing::warn;

/// The oldest version with which the service is tested, as in `server_version_num`.
const MIN_VERSION: i32 = 150_000;

/// Why the service cannot use the database.
#[derive(Debug, Error)]
pub enum PreconditionError {
    /// The database does not respond.
    #[error("the database cannot be reached: {0}")]
    Unreachable(String),
    /// The server, the database or the settings of the session do not meet what the service relies on.
    #[error("the database cannot be used: {}", .0.join("; "))]
    Unmet(Vec<String>),
    /// Row-level security does not limit the statements that it should.
    #[error(
        "DATABASE_ROW_SECURITY is on, but row-level security is not in force: {}; set it up as docs/install.md says",
        .0.join("; ")
    )]
    RowSecurity(Vec<String>),
    /// The role lacks privileges on the tables.
    #[error("the role `{role}` lacks privileges: {}; grant them as docs/install.md says", .missing.join(", "))]
    Privileges {
        /// The role.
        role: String,
        /// The privileges with their tables.
        missing: Vec<String>,
    },
}

impl From<ConnectError> for PreconditionError {
    fn from(error: ConnectError) -> Self {
        Self::Unreachable(error.to_string())
    }
}

impl From<diesel::result::Error> for PreconditionError {
    fn from(error: diesel::result::Error) -> Self {
        Self::Unreachable(error.to_string())
    }
}

/// The state of the server, the database and the session.
#[derive(QueryableByName)]
struct DatabaseState {
    #[diesel(sql_type = Integer)]
    version_number: i32,
    #[diesel(sql_type = Text)]
    version: String,
    #[diesel(sql_type = Text)]
    encoding: String,
    #[diesel(sql_type = Bool)]
    is_standby: bool,
    #[diesel(sql_type = Text)]
    read_only: String,
    #[diesel(sql_type = Text)]
    isolation: String,
    #[diesel(sql_type = Text)]
    replication_role: String,
    #[diesel(sql_type = Nullable<Text>)]
    schema: Option<String>,
}

const DATABASE_STATE: &str = "SELECT current_setting('server_version_num')::int AS version_number, \
     current_setting('server_version') AS version, \
     current_setting('server_encoding') AS encoding, \
     pg_is_in_recovery() AS is_standby, \
     current_setting('default_transaction_read_only') AS read_only, \
     current_setting('default_transaction_isolation') AS isolation, \
     current_setting('session_replication_role') AS replication_role, \
     current_schema()::text AS schema";

impl DatabaseState {
    /// What does not meet the preconditions, and what to change.
    fn problems(self) -> Vec<String> {
        let Self {
            version_number,
            version,
            encoding,
            is_standby,
            read_only,
            isolation,
            replication_role,
            schema,
        } = self;
        let mut problems = Vec::new();
        if version_number < MIN_VERSION {
            problems.push(format!("the server is Postgres {version}; use version 15 or later"));
        }
        // Other encodings cannot store every text, or count its bytes instead of its characters.
        if encoding != "UTF8" {
            problems.push(format!(
                "its encoding is {encoding}; create a database with ENCODING 'UTF8' TEMPLATE template0"
            ));
        }
        if is_standby {
            problems.push(
                "the server is a standby, which is read-only; connect to the primary, or to a proxy that always leads to it"
                    .to_owned(),
            );
        }
        if read_only != "off" {
            problems.push(
                "`default_transaction_read_only` is on, so nothing can be changed; set it to off for this role"
                    .to_owned(),
            );
        }
        // At other levels, concurrent changes of one record fail instead of waiting for each other.
        if isolation != "read committed" {
            problems.push(format!(
                "`default_transaction_isolation` is `{isolation}`; set it to `read committed` for this role"
            ));
        }
        // Triggers protect the audit log and the foreign keys.
        if replication_role != "origin" {
            problems.push(format!(
                "`session_replication_role` is `{replication_role}`, which disables triggers; set it to `origin` for this role"
            ));
        }
        if schema.is_none() {
            problems.push(
                "no schema of the `search_path` exists and is accessible; create one or grant USAGE on it".to_owned(),
            );
        }
        problems
    }
}

/// Checks the server, the database and the settings of the session.
pub(super) async fn check_on_connection(connection: &mut AsyncPgConnection) -> Result<(), PreconditionError> {
    let state: DatabaseState = diesel::sql_query(DATABASE_STATE).get_result(connection).await?;
    let problems = state.problems();
    if problems.is_empty() {
        Ok(())
    } else {
        Err(PreconditionError::Unmet(problems))
    }
}

/// The privileges that the service needs on whole tables.
const TABLE_PRIVILEGES: [(&str, &str); 23] = [
    ("tenants", "SELECT"),
    ("tenants", "INSERT"),
    ("tenants", "UPDATE"),
    ("tenants", "DELETE"),
    ("deleted_tenants", "SELECT"),
    ("tenant_words", "SELECT"),
    ("projects", "SELECT"),
    ("projects", "INSERT"),
    ("projects", "UPDATE"),
    ("projects", "DELETE"),
    ("tenant_products", "SELECT"),
    ("tenant_products", "INSERT"),
    ("tenant_products", "UPDATE"),
    ("api_keys", "SELECT"),
    ("api_keys", "INSERT"),
    ("api_keys", "UPDATE"),
    ("audit_log", "SELECT"),
    ("audit_log_distributed", "SELECT"),
    ("audit_log_distributed_weeks", "SELECT"),
    ("idempotency_records", "SELECT"),
    ("idempotency_records", "INSERT"),
    ("idempotency_records", "DELETE"),
    ("__diesel_schema_migrations", "SELECT"),
];

#[derive(QueryableByName)]
struct Privileges {
    #[diesel(sql_type = Text)]
    role: String,
    #[diesel(sql_type = Array<Text>)]
    missing: Vec<String>,
    #[diesel(sql_type = Bool)]
    can_choose_ids: bool,
}

/// Checks that the role of the service has the privileges that it needs, and warns if a role other than the owner can
/// choose the ids of audit events. The schema has to be up to date.
///
/// # Errors
/// If a privilege is missing, or the database does not respond.
pub async fn check_privileges(url: &DatabaseUrl, connect_timeout: Duration) -> Result<(), PreconditionError> {
    let mut connection = connect_unpooled(url, connect_timeout).await?;
    let (tables, privileges): (Vec<&str>, Vec<&str>) = TABLE_PRIVILEGES.into_iter().unzip();
    // Only Postgres chooses the id of an event.
    let columns: Vec<&str> = INSERTED_COLUMNS.to_vec();
    let Privileges {
        role,
        missing,
        can_choose_ids,
    } = diesel::sql_query(
        "SELECT current_user::text AS role, ARRAY( \
             SELECT privilege || ' on ' || name FROM unnest($1, $2) AS needed (name, privilege) \
             WHERE NOT has_table_privilege(name, privilege) \
             UNION ALL \
             SELECT 'INSERT on the column ' || name || ' of audit_log' FROM unnest($3) AS name \
             WHERE NOT has_column_privilege('audit_log', name, 'INSERT') \
         ) AS missing, \
         has_column_privilege('audit_log', 'id', 'INSERT') AND NOT EXISTS ( \
             SELECT FROM pg_class WHERE oid = 'audit_log'::regclass AND pg_has_role(relowner, 'USAGE') \
         ) AS can_choose_ids",
    )
    .bind::<Array<Text>, _>(tables)
    .bind::<Array<Text>, _>(privileges)
    .bind::<Array<Text>, _>(columns)
    .get_result(&mut connection)
    .await?;
    if can_choose_ids {
        warn!(
            role,
            "the role can choose the ids of audit events, and a wrong id makes later changes fail; run as the owner of the \
             tables: SELECT audit_log_grant_columns()"
        );
    }
    if missing.is_empty() {
        Ok(())
    } else {
        Err(PreconditionError::Privileges { role, missing })
    }
}

/// What the role for callers that are limited to one tenant needs. It gets it from `row_security_enable()`.
const BOUND_PRIVILEGES: [(&str, &str); 21] = [
    ("tenants", "SELECT"),
    ("tenants", "UPDATE"),
    ("tenants", "DELETE"),
    ("deleted_tenants", "SELECT"),
    ("tenant_words", "SELECT"),
    ("projects", "SELECT"),
    ("projects", "INSERT"),
    ("projects", "UPDATE"),
    ("projects", "DELETE"),
    ("tenant_products", "SELECT"),
    ("tenant_products", "INSERT"),
    ("tenant_products", "UPDATE"),
    ("api_keys", "SELECT"),
    ("api_keys", "INSERT"),
    ("api_keys", "UPDATE"),
    ("audit_log", "SELECT"),
    ("audit_log", "INSERT"),
    ("audit_log_distributed", "SELECT"),
    ("audit_log_distributed_weeks", "SELECT"),
    ("idempotency_records", "SELECT"),
    ("idempotency_records", "INSERT"),
];

/// How the role is related to the role of the session.
#[derive(QueryableByName)]
struct BoundRole {
    #[diesel(sql_type = Text)]
    user: String,
    #[diesel(sql_type = Bool)]
    exists: bool,
    #[diesel(sql_type = Bool)]
    bypasses: bool,
    #[diesel(sql_type = Bool)]
    is_inherited: bool,
    #[diesel(sql_type = Bool)]
    needs_login: bool,
}

const BOUND_ROLE_STATE: &str = "SELECT current_user::text AS user, role.oid IS NOT NULL AS exists, \
     COALESCE(role.rolsuper OR role.rolbypassrls, FALSE) AS bypasses, \
     COALESCE(NOT own.rolsuper AND NOT own.rolbypassrls AND pg_has_role(own.oid, role.oid, 'USAGE') \
         AND NOT pg_has_role(own.oid, log.relowner, 'USAGE'), FALSE) AS is_inherited, \
     COALESCE(NOT role.rolcanlogin, FALSE) AND EXISTS ( \
         SELECT FROM pg_extension WHERE extname = 'citus' \
     ) AS needs_login \
     FROM pg_class AS log JOIN pg_roles AS own ON own.rolname = current_user \
     LEFT JOIN pg_roles AS role ON role.rolname = $1 \
     WHERE log.oid = 'audit_log'::regclass";

/// What the role can reach: all tables whose rows no policy limits, and the privileges that it lacks.
#[derive(QueryableByName)]
struct BoundReach {
    #[diesel(sql_type = Array<Text>)]
    unlimited: Vec<String>,
    #[diesel(sql_type = Array<Text>)]
    missing: Vec<String>,
}

/// The owner of a table, and a role that inherits its rights, ignores the policies. A row has to match each restrictive policy
/// and one of the permissive ones. Views of extensions have no rows of tenants.
const BOUND_REACH: &str = "SELECT ARRAY( \
         SELECT relname::text FROM pg_class \
         WHERE relnamespace = current_schema()::regnamespace AND relkind IN ('r', 'p', 'v', 'm', 'f') \
         AND (has_table_privilege($1, oid, 'SELECT, INSERT, UPDATE, DELETE, TRUNCATE') \
             OR has_any_column_privilege($1, oid, 'SELECT, INSERT, UPDATE')) \
         AND NOT EXISTS ( \
             SELECT FROM pg_depend WHERE classid = 'pg_class'::regclass AND objid = pg_class.oid AND deptype = 'e' \
         ) \
         AND (pg_has_role($1, relowner, 'USAGE') OR NOT relrowsecurity OR NOT COALESCE(( \
             SELECT bool_or(NOT polpermissive AND polroles = ARRAY[$1::regrole::oid] AND is_limit) \
                 OR bool_and(is_limit) FILTER (WHERE polpermissive) \
             FROM pg_policy CROSS JOIN LATERAL ( \
                 SELECT polcmd = '*' AND polwithcheck IS NULL \
                     AND COALESCE(pg_get_expr(polqual, polrelid) LIKE '%registry.tenant%', FALSE) AS is_limit \
             ) AS policy WHERE polrelid = pg_class.oid \
         ), FALSE)) ORDER BY relname \
     ) AS unlimited, ARRAY( \
         SELECT privilege || ' on ' || name FROM unnest($2, $3) AS needed (name, privilege) \
         WHERE NOT has_any_column_privilege($1, name, CASE privilege WHEN 'DELETE' THEN 'SELECT' ELSE privilege END) \
         OR privilege = 'DELETE' AND NOT has_table_privilege($1, name, privilege) \
     ) AS missing";

/// Checks that row-level security limits the statements for callers that are limited to one tenant: the service can use
/// the role, the role is subject to policies, and policies limit it in every table that it can reach. The schema has
/// to be up to date.
///
/// # Errors
/// If it does not, or the database does not respond.
pub async fn check_row_security(url: &DatabaseUrl, connect_timeout: Duration) -> Result<(), PreconditionError> {
    let mut connection = connect_unpooled(url, connect_timeout).await?;
    let BoundRole {
        user,
        exists,
        bypasses,
        is_inherited,
        needs_login,
    } = diesel::sql_query(BOUND_ROLE_STATE)
        .bind::<Text, _>(BOUND_ROLE)
        .get_result(&mut connection)
        .await?;
    if !exists {
        return Err(PreconditionError::RowSecurity(vec![format!(
            "the role `{BOUND_ROLE}` does not exist"
        )]));
    }
    let mut problems = Vec::new();
    if bypasses {
        problems.push(format!(
            "the role `{BOUND_ROLE}` ignores policies; make it NOSUPERUSER NOBYPASSRLS"
        ));
    }
    if is_inherited {
        problems.push(format!(
            "the role `{user}` inherits `{BOUND_ROLE}`, so that other callers see nothing; make `{user}` NOINHERIT and grant \
             the role again"
        ));
    }
    if needs_login {
        problems.push(format!(
            "the role `{BOUND_ROLE}` cannot log in, so it cannot read distributed events from the workers of Citus; run as an \
             administrator: ALTER ROLE {BOUND_ROLE} LOGIN"
        ));
    }
    let (tables, privileges): (Vec<&str>, Vec<&str>) = BOUND_PRIVILEGES.into_iter().unzip();
    let BoundReach { unlimited, missing } = diesel::sql_query(BOUND_REACH)
        .bind::<Text, _>(BOUND_ROLE)
        .bind::<Array<Text>, _>(tables)
        .bind::<Array<Text>, _>(privileges)
        .get_result(&mut connection)
        .await?;
    if !unlimited.is_empty() {
        problems.push(format!(
            "no policy limits `{BOUND_ROLE}` in the tables {}; run as their owner: SELECT row_security_enable()",
            unlimited.join(", ")
        ));
    }
    if !missing.is_empty() {
        problems.push(format!(
            "the role `{BOUND_ROLE}` lacks privileges: {}; run as the owner of the tables: SELECT row_security_enable()",
            missing.join(", ")
        ));
    }
    // Whether the role can be used depends on the version and the options of the grant.
    if let Err(error) = connection.batch_execute(&format!("SET ROLE {BOUND_ROLE}")).await {
        problems.push(format!(
            "the role `{user}` cannot use the role `{BOUND_ROLE}` ({error}); run as an administrator: GRANT {BOUND_ROLE} TO {user}"
        ));
    }
    if problems.is_empty() {
        Ok(())
    } else {
        Err(PreconditionError::RowSecurity(problems))
    }
}

#[cfg(test)]
mod tests {
    use super::DatabaseState;

    #[test]
    fn versions_before_15_are_rejected() {
        for (version_number, version, expected) in [(140_011, "14.11", 1), (150_000, "15.0", 0), (180_001, "18.1", 0)] {
            let state = DatabaseState {
                version_number,
                version: version.to_owned(),
                encoding: "UTF8".to_owned(),
                is_standby: false,
                read_only: "off".to_owned(),
                isolation: "read committed".to_owned(),
                replication_role: "origin".to_owned(),
                schema: Some("public".to_owned()),
            };
            assert_eq!(state.problems().len(), expected, "{version}");
        }
    }
}
