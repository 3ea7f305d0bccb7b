-- The indexes that version 1.0 used for pages of the audit log. Since version 2.0, audit_log_created_at_filters_idx and
-- audit_log_tenant_id_filters_idx serve every page.
DROP INDEX
    audit_log_idx,
    audit_log_tenant_idx,
    audit_log_product_idx,
    audit_log_actor_idx,
    audit_log_action_idx,
    audit_log_tenant_product_idx,
    audit_log_tenant_actor_idx,
    audit_log_tenant_action_idx,
    audit_log_product_actor_idx,
    audit_log_product_action_idx,
    audit_log_actor_action_idx,
    audit_log_tenant_product_actor_idx,
    audit_log_tenant_product_action_idx,
    audit_log_tenant_actor_action_idx,
    audit_log_product_actor_action_idx,
    audit_log_tenant_product_actor_action_idx,
    audit_log_tenant_cursor_idx;
