//! Which tables of a test's database hold the audit log. `TEST_AUDIT_LOG=distributed` distributes all but the newest events.

use super::postgres::CREATE_BOUND_ROLE;
use libtest_mimic::Trial;
use tokio_postgres::Client;

/// The environment variable that selects the shape.
const SELECTION: &str = "TEST_AUDIT_LOG";

/// Moves events as `tenant-registry distribute` does, but with every insert. It keeps so few that most pages cross from
/// one table to the other.
///
/// A transaction that inserts events waits for the one before it. An event could else become visible in `audit_log`
/// when newer ones are distributed already, and pages would miss them.
const DISTRIBUTE_AT_ONCE: &str = "
    CREATE FUNCTION audit_log_distribute_at_once() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp
    SET plan_cache_mode = force_custom_plan SET registry.audit_log_distributing = 'on' AS $$
    DECLARE
        old_events bigint[];
    BEGIN
        PERFORM pg_advisory_xact_lock('audit_log_distributed'::regclass::bigint);
        old_events := ARRAY(SELECT id FROM audit_log ORDER BY created_at DESC, id DESC OFFSET 3);
        IF cardinality(old_events) = 0 THEN
            RETURN NULL;
        END IF;
        INSERT INTO audit_log_distributed_weeks AS weeks (week, first_id, last_id)
        SELECT floor(extract(epoch FROM created_at) / 604800), min(id), max(id)
        FROM audit_log WHERE id = ANY (old_events) GROUP BY 1
        ON CONFLICT (week) DO UPDATE
        SET first_id = least(weeks.first_id, excluded.first_id), last_id = greatest(weeks.last_id, excluded.last_id);
        INSERT INTO audit_log_distributed (
            id, tenant_id, project_id, actor_id, actor_name, actor_type, action, target_id, target_type, target_name, product,
            metadata, source_ip, user_agent, created_at, origin, occurred_at, targets, week
        )
        SELECT
            id, tenant_id, project_id, actor_id, actor_name, actor_type, action, target_id, target_type, target_name, product,
            metadata, source_ip, user_agent, created_at, origin, occurred_at, targets,
            floor(extract(epoch FROM created_at) / 604800)
        FROM audit_log WHERE id = ANY (old_events)
        ON CONFLICT DO NOTHING;
        DELETE FROM audit_log WHERE id = ANY (old_events);
        RETURN NULL;
    END
    $$;
    CREATE TRIGGER audit_log_distribute_at_once
    AFTER INSERT ON audit_log
    FOR EACH STATEMENT EXECUTE FUNCTION audit_log_distribute_at_once()";

/// Spreads the table over the workers of a Citus cluster. Few shards, since each test copies them.
const SPREAD: &str = "
    SET citus.enable_unsafe_triggers = on;
    SET citus.shard_count = 4;
    SELECT create_distributed_table('audit_log_distributed', 'week', colocate_with => 'none')";

/// The beginnings of the names of tests that need all events in `audit_log`, with the reason.
const PLAIN_ONLY: [(&str, &str); 11] = [
    ("plans::", "explains the statements that read audit_log"),
    ("database_roles::pruning_deletes_", "counts events in audit_log"),
    (
        "database_roles::the_pruning_role_cannot_delete_young_events",
        "deletes events from audit_log",
    ),
    (
        "database_roles::the_pruning_role_cannot_delete_without_a_record",
        "deletes events from audit_log",
    ),
    (
        "deletion::background::another_replica_finishes_after_a_crash",
        "counts the events of one step",
    ),
    (
        "deletion::background::distributed_events_are_cleared_too",
        "distributes events itself",
    ),
    ("distributing::", "distributes events itself"),
    (
        "database::distributed_events_cannot_be_changed",
        "distributes events itself",
    ),
    (
        "database_roles::pruning_continues_after_distribute_has_ended",
        "distributes events itself",
    ),
    (
        "database_roles::the_pruning_role_deletes_distributed_events_only_by_the_function",
        "distributes events itself",
    ),
    (
        "row_security::the_role_sees_nothing_without_a_tenant",
        "looks for rows of the tenant in audit_log",
    ),
];

/// Creates the role of row-level security. On a Citus cluster all nodes have it, and the coordinator connects to workers as
/// this role.
pub(crate) async fn create_bound_role(client: &Client) {
    client.batch_execute(CREATE_BOUND_ROLE).await.unwrap();
    if has_citus(client).await {
        let on_workers = format!(
            "SELECT run_command_on_workers($create${CREATE_BOUND_ROLE}$create$); \
             SELECT run_command_on_all_nodes('ALTER ROLE tenant_registry_bound LOGIN')"
        );
        client.batch_execute(&on_workers).await.unwrap();
    }
}

/// Gives a migrated database the shape of this run.
pub(crate) async fn shape(client: &Client) {
    if has_citus(client).await {
        client.batch_execute(SPREAD).await.unwrap();
    }
    if is_distributed() {
        client.batch_execute(DISTRIBUTE_AT_ONCE).await.unwrap();
    }
}

/// Marks the tests that do not apply to the shape of this run as ignored.
pub(crate) fn applicable(cases: Vec<Trial>) -> Vec<Trial> {
    if !is_distributed() {
        return cases;
    }
    for (beginning, _) in PLAIN_ONLY {
        let is_used = cases.iter().any(|case| case.name().starts_with(beginning));
        assert!(is_used, "no test is called {beginning}");
    }
    let mark = |case: Trial| {
        let name = case.name();
        if PLAIN_ONLY.iter().any(|(beginning, _)| name.starts_with(beginning)) {
            case.with_ignored_flag(true)
        } else {
            case
        }
    };
    cases.into_iter().map(mark).collect()
}

async fn has_citus(client: &Client) -> bool {
    let query = "SELECT FROM pg_extension WHERE extname = 'citus'";
    client.query_opt(query, &[]).await.unwrap().is_some()
}

fn is_distributed() -> bool {
    match std::env::var(SELECTION).unwrap_or_default().as_str() {
        "" | "plain" => false,
        "distributed" => true,
        other => panic!("{SELECTION} must be `plain` or `distributed`, not `{other}`"),
    }
}
