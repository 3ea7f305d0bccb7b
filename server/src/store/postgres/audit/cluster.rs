//! What the distribution of audit events needs from the servers of a Citus cluster.

use super::distribute::PostgresDistributeStore;
use crate::store::postgres::scoped::BOUND_ROLE;
use diesel::prelude::*;
use diesel::sql_types::{Bool, Integer, Nullable, Text};
use diesel_async::RunQueryDsl;

impl PostgresDistributeStore {
    /// All that is missing, each with what to change.
    pub(super) async fn problems(&mut self) -> QueryResult<Vec<String>> {
        let state: CoordinatorState = diesel::sql_query(COORDINATOR_STATE)
            .bind::<Text, _>(BOUND_ROLE)
            .get_result(&mut self.connection)
            .await?;
        let citus = state.citus.clone();
        let is_distributed = citus.is_some() && self.is_distributed().await?;
        let mut problems = state.problems(is_distributed);
        let Some(citus) = citus else {
            return Ok(problems);
        };
        let nodes: Vec<Node> = diesel::sql_query(NODES).load(&mut self.connection).await?;
        if nodes.is_empty() {
            problems.push(
                "the Citus cluster has no worker that can have shards; run on the coordinator: SELECT \
                 citus_add_node('<host of the worker>', 5432)"
                    .to_owned(),
            );
        }
        problems.extend(nodes.into_iter().filter_map(Node::problem));
        match diesel::sql_query(WORKER_STATES).load(&mut self.connection).await {
            Ok(workers) => problems.extend(
                workers
                    .into_iter()
                    .flat_map(|worker: WorkerState| worker.problems(&citus)),
            ),
            Err(error) => problems.push(format!(
                "the workers cannot be asked: {error}; make them reachable from the coordinator"
            )),
        }
        Ok(problems)
    }
}

/// What distribution needs from the coordinator.
#[derive(QueryableByName)]
struct CoordinatorState {
    #[diesel(sql_type = Text)]
    user: String,
    #[diesel(sql_type = Bool)]
    is_superuser: bool,
    #[diesel(sql_type = Bool)]
    is_owner: bool,
    #[diesel(sql_type = Nullable<Text>)]
    citus: Option<String>,
    #[diesel(sql_type = Integer)]
    max_prepared_transactions: i32,
    #[diesel(sql_type = Bool)]
    bound_role_needs_login: bool,
}

/// Works without Citus.
const COORDINATOR_STATE: &str = "SELECT current_user::text AS user, own.rolsuper AS is_superuser, \
         pg_has_role(log.relowner, 'USAGE') AS is_owner, \
         (SELECT extversion FROM pg_extension WHERE extname = 'citus') AS citus, \
         current_setting('max_prepared_transactions')::integer AS max_prepared_transactions, \
         log.relrowsecurity AND EXISTS ( \
             SELECT FROM pg_roles WHERE rolname = $1 AND NOT rolcanlogin \
         ) AS bound_role_needs_login \
     FROM pg_class AS log JOIN pg_roles AS own ON own.rolname = current_user \
     WHERE log.oid = 'audit_log_distributed'::regclass";

impl CoordinatorState {
    /// What is missing, and what to change.
    fn problems(self, is_distributed: bool) -> Vec<String> {
        let Self {
            user,
            is_superuser,
            is_owner,
            citus,
            max_prepared_transactions,
            bound_role_needs_login,
        } = self;
        let mut problems = Vec::new();
        if citus.is_none() {
            problems.push(
                "the database has no Citus extension; install Citus, add `citus` to `shared_preload_libraries`, and run in \
                 this database and on each worker: CREATE EXTENSION citus"
                    .to_owned(),
            );
        }
        if !is_owner {
            problems.push(format!(
                "the user `{user}` does not own the audit log; connect as its owner, or the first time as a superuser"
            ));
        } else if !is_superuser && !is_distributed {
            problems.push(format!(
                "the user `{user}` is not a superuser, so it cannot set `citus.enable_unsafe_triggers`; connect as a \
                 superuser for the first run"
            ));
        }
        if max_prepared_transactions == 0 {
            problems.push(prepared_transactions_problem("the coordinator"));
        }
        if bound_role_needs_login {
            problems.push(format!(
                "the role `{BOUND_ROLE}` cannot log in, and the coordinator connects to workers as this role; run as an \
                 administrator: ALTER ROLE {BOUND_ROLE} LOGIN"
            ));
        }
        problems
    }
}

/// Citus commits a change of several nodes in two phases.
fn prepared_transactions_problem(node: &str) -> String {
    format!(
        "`max_prepared_transactions` is 0 on {node}; set it to at least `max_connections`, and restart Postgres there"
    )
}

#[derive(QueryableByName)]
struct Node {
    #[diesel(sql_type = Text)]
    host: String,
    #[diesel(sql_type = Integer)]
    port: i32,
    #[diesel(sql_type = Bool)]
    is_active: bool,
}

/// All that can have shards.
const NODES: &str = "SELECT nodename AS host, nodeport AS port, isactive AS is_active FROM pg_dist_node \
     WHERE noderole = 'primary' AND shouldhaveshards ORDER BY nodename, nodeport";

impl Node {
    fn problem(self) -> Option<String> {
        let Self { host, port, is_active } = self;
        (!is_active).then(|| {
            format!(
                "the worker {host}:{port} is not active; run on the coordinator: SELECT citus_activate_node('{host}', {port})"
            )
        })
    }
}

/// What distribution needs from a worker.
#[derive(QueryableByName)]
struct WorkerState {
    #[diesel(sql_type = Text)]
    worker: String,
    /// Why the worker did not answer.
    #[diesel(sql_type = Nullable<Text>)]
    failure: Option<String>,
    #[diesel(sql_type = Nullable<Text>)]
    citus: Option<String>,
    #[diesel(sql_type = Nullable<Integer>)]
    max_prepared_transactions: Option<i32>,
    #[diesel(sql_type = Nullable<Text>)]
    missing_roles: Option<String>,
    /// What lets the owner of the table create shards there.
    #[diesel(sql_type = Nullable<Text>)]
    missing_grant: Option<String>,
}

/// Asks all workers at once. The roles are those that own, read or write the tables.
const WORKER_STATES: &str = "SELECT nodename || ':' || nodeport AS worker, \
         CASE WHEN NOT success THEN result END AS failure, \
         CASE WHEN success THEN result::json ->> 'citus' END AS citus, \
         CASE WHEN success THEN (result::json ->> 'max_prepared_transactions')::integer END AS max_prepared_transactions, \
         CASE WHEN success THEN result::json ->> 'missing_roles' END AS missing_roles, \
         CASE WHEN success THEN result::json ->> 'missing_grant' END AS missing_grant \
     FROM run_command_on_workers(format( \
         'SELECT json_build_object( \
             ''citus'', (SELECT extversion FROM pg_extension WHERE extname = ''citus''), \
             ''max_prepared_transactions'', current_setting(''max_prepared_transactions''), \
             ''missing_roles'', ( \
                 SELECT string_agg(quote_ident(name), '', '' ORDER BY name) FROM unnest(%L::text[]) AS name \
                 WHERE NOT EXISTS (SELECT FROM pg_roles WHERE rolname = name) \
             ), \
             ''missing_grant'', ( \
                 SELECT ''GRANT CREATE ON SCHEMA '' || quote_ident(nspname) || '' TO '' || quote_ident(rolname) \
                 FROM pg_roles JOIN pg_namespace ON nspname = %L \
                 WHERE rolname = %L AND NOT has_schema_privilege(pg_roles.oid, pg_namespace.oid, ''CREATE'') \
             ) \
         )', \
         ARRAY( \
             SELECT DISTINCT pg_get_userbyid(role)::text FROM pg_class CROSS JOIN LATERAL ( \
                 SELECT relowner UNION SELECT grantee FROM aclexplode(relacl) WHERE grantee <> 0 \
             ) AS named (role) WHERE oid IN ('audit_log'::regclass, 'audit_log_distributed'::regclass) \
         ), \
         current_schema(), \
         (SELECT pg_get_userbyid(relowner) FROM pg_class WHERE oid = 'audit_log_distributed'::regclass) \
     )) ORDER BY nodename, nodeport";

impl WorkerState {
    /// What is missing, and what to change. The coordinator has this version of Citus.
    fn problems(self, coordinator: &str) -> Vec<String> {
        let Self {
            worker,
            failure,
            citus,
            max_prepared_transactions,
            missing_roles,
            missing_grant,
        } = self;
        if let Some(failure) = failure {
            let failure = failure.split_whitespace().collect::<Vec<_>>().join(" ");
            return vec![format!(
                "the worker {worker} does not answer: {failure}; start it, or let the coordinator connect to it \
                 (`pg_hba.conf`, `citus.node_conninfo`, `pg_dist_authinfo`)"
            )];
        }
        let mut problems = Vec::new();
        match citus {
            None => problems.push(format!(
                "the worker {worker} has no Citus extension; run there in this database: CREATE EXTENSION citus"
            )),
            Some(version) if version != coordinator => problems.push(format!(
                "the worker {worker} has version {version} of Citus, and the coordinator {coordinator}; install the same \
                 package on both, and run ALTER EXTENSION citus UPDATE"
            )),
            Some(_) => {}
        }
        if max_prepared_transactions == Some(0) {
            problems.push(prepared_transactions_problem(&format!("the worker {worker}")));
        }
        if let Some(roles) = missing_roles {
            problems.push(format!(
                "roles that use the audit log do not exist on the worker {worker}: {roles}; create them there"
            ));
        }
        if let Some(grant) = missing_grant {
            problems.push(format!(
                "the owner of the audit log cannot create tables on the worker {worker}, which rebalancing needs; run on \
                 the coordinator, which passes it on: {grant}"
            ));
        }
        problems
    }
}

#[cfg(test)]
mod tests {
    use super::{CoordinatorState, WorkerState};

    fn worker() -> WorkerState {
        WorkerState {
            worker: "w:5432".to_owned(),
            failure: None,
            citus: Some("13.2-1".to_owned()),
            max_prepared_transactions: Some(100),
            missing_roles: None,
            missing_grant: None,
        }
    }

    #[test]
    fn all_problems_of_a_worker_are_reported() {
        assert!(worker().problems("13.2-1").is_empty());
        let silent = WorkerState {
            failure: Some("connection\n refused".to_owned()),
            ..worker()
        };
        let problems = silent.problems("13.2-1");
        assert!(
            matches!(&problems[..], [line] if line.starts_with("the worker w:5432 does not answer: connection refused;")),
            "{problems:?}"
        );
        let poor = WorkerState {
            max_prepared_transactions: Some(0),
            missing_roles: Some("one, two".to_owned()),
            missing_grant: Some("GRANT CREATE".to_owned()),
            ..worker()
        };
        let problems = poor.problems("13.1-1");
        for (problem, expected) in problems.iter().zip([
            "version 13.2-1",
            "`max_prepared_transactions`",
            "one, two",
            "GRANT CREATE",
        ]) {
            assert!(problem.contains(expected) && problem.contains("w:5432"), "{problem}");
        }
        assert_eq!(problems.len(), 4);
    }

    #[test]
    fn only_the_first_run_needs_a_superuser() {
        let owner = || CoordinatorState {
            user: "owner".to_owned(),
            is_superuser: false,
            is_owner: true,
            citus: Some("13.2-1".to_owned()),
            max_prepared_transactions: 100,
            bound_role_needs_login: false,
        };
        assert!(owner().problems(true).is_empty());
        assert_eq!(owner().problems(false).len(), 1);
    }
}
