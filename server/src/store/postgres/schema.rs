// @generated automatically by Diesel CLI.

diesel::table! {
    api_keys (id) {
        id -> Uuid,
        tenant_id -> Uuid,
        product -> Nullable<Text>,
        name -> Text,
        scopes -> Array<Nullable<Text>>,
        prefix -> Text,
        hash -> Text,
        created_by -> Nullable<Text>,
        last_used_at -> Nullable<Timestamptz>,
        revoked_at -> Nullable<Timestamptz>,
        created_at -> Timestamptz,
        project_id -> Nullable<Uuid>,
        expires_at -> Nullable<Timestamptz>,
        rotated_to -> Nullable<Uuid>,
        rotated_from -> Nullable<Uuid>,
        digest -> Nullable<Text>,
    }
}

diesel::table! {
    audit_log (id) {
        id -> Int8,
        tenant_id -> Nullable<Uuid>,
        project_id -> Nullable<Uuid>,
        actor_id -> Nullable<Text>,
        actor_name -> Nullable<Text>,
        actor_type -> Nullable<Text>,
        action -> Text,
        target_id -> Nullable<Text>,
        target_type -> Nullable<Text>,
        target_name -> Nullable<Text>,
        product -> Nullable<Text>,
        metadata -> Nullable<Json>,
        source_ip -> Nullable<Inet>,
        user_agent -> Nullable<Text>,
        created_at -> Timestamptz,
        origin -> Nullable<Text>,
        occurred_at -> Nullable<Timestamptz>,
        targets -> Nullable<Json>,
    }
}

diesel::table! {
    audit_log_distributed (id, week) {
        id -> Int8,
        tenant_id -> Nullable<Uuid>,
        project_id -> Nullable<Uuid>,
        actor_id -> Nullable<Text>,
        actor_name -> Nullable<Text>,
        actor_type -> Nullable<Text>,
        action -> Text,
        target_id -> Nullable<Text>,
        target_type -> Nullable<Text>,
        target_name -> Nullable<Text>,
        product -> Nullable<Text>,
        metadata -> Nullable<Json>,
        source_ip -> Nullable<Inet>,
        user_agent -> Nullable<Text>,
        created_at -> Timestamptz,
        origin -> Nullable<Text>,
        occurred_at -> Nullable<Timestamptz>,
        targets -> Nullable<Json>,
        week -> Int4,
    }
}

diesel::table! {
    audit_log_distributed_weeks (week) {
        week -> Int4,
        first_id -> Int8,
        last_id -> Int8,
    }
}

diesel::table! {
    deleted_tenants (tenant_id) {
        tenant_id -> Uuid,
        last_event -> Int8,
    }
}

diesel::table! {
    idempotency_records (caller, operation, key) {
        caller -> Bytea,
        operation -> Text,
        key -> Text,
        fingerprint -> Bytea,
        status -> Int4,
        entity_tag -> Nullable<Text>,
        body -> Nullable<Text>,
        tenant_id -> Nullable<Uuid>,
        created_at -> Timestamptz,
    }
}

diesel::table! {
    projects (id) {
        id -> Uuid,
        tenant_id -> Uuid,
        name -> Text,
        created_at -> Timestamptz,
        updated_at -> Timestamptz,
        slug -> Text,
        description -> Nullable<Text>,
    }
}

diesel::table! {
    tenant_products (tenant_id, product) {
        tenant_id -> Uuid,
        product -> Text,
        enabled -> Bool,
        config -> Json,
        expires_at -> Nullable<Timestamptz>,
        created_at -> Timestamptz,
        updated_at -> Timestamptz,
        source -> Text,
    }
}

diesel::table! {
    tenant_words (tenant_id, word) {
        tenant_id -> Uuid,
        word -> Text,
    }
}

diesel::table! {
    tenants (id) {
        id -> Uuid,
        slug -> Text,
        name -> Text,
        status -> Text,
        kind -> Text,
        plan -> Text,
        erp_customer_id -> Nullable<Text>,
        stripe_cust_id -> Nullable<Text>,
        trial_ends_at -> Nullable<Timestamptz>,
        contract_start -> Nullable<Date>,
        contract_end -> Nullable<Date>,
        cancel_at -> Nullable<Timestamptz>,
        sales_owner -> Nullable<Text>,
        created_at -> Timestamptz,
        updated_at -> Timestamptz,
    }
}

diesel::joinable!(api_keys -> tenants (tenant_id));
diesel::joinable!(idempotency_records -> tenants (tenant_id));
diesel::joinable!(projects -> tenants (tenant_id));
diesel::joinable!(tenant_products -> tenants (tenant_id));
diesel::joinable!(tenant_words -> tenants (tenant_id));

diesel::allow_tables_to_appear_in_same_query!(
    api_keys,
    audit_log,
    audit_log_distributed,
    audit_log_distributed_weeks,
    deleted_tenants,
    idempotency_records,
    projects,
    tenant_products,
    tenant_words,
    tenants,
);
