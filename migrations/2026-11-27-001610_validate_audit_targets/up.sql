-- Reads the table once, without a lock that blocks the service.
ALTER TABLE audit_log
    VALIDATE CONSTRAINT audit_log_occurred_at_check,
    VALIDATE CONSTRAINT audit_log_targets_check;
