//! What an update has changed, for the metadata of its audit event.

use serde_json::{Map, Value};

/// Longer values are left out of the event, whose metadata has a bound. Only lists, and texts that were stored before contract
/// 2.0, can be as long.
const MAX_VALUE_BYTES: usize = 8 * 1024;

/// The changed properties of a record.
#[derive(Debug, Default)]
pub(crate) struct Changes {
    names: Vec<Value>,
    old: Map<String, Value>,
    new: Map<String, Value>,
}

impl Changes {
    /// Compares a property. The event has its old and its new value.
    pub(crate) fn compare(&mut self, name: &'static str, old: impl Into<Value>, new: impl Into<Value>) {
        let (old, new) = (old.into(), new.into());
        if old == new {
            return;
        }
        self.names.push(name.into());
        for (values, value) in [(&mut self.old, old), (&mut self.new, new)] {
            if value.to_string().len() <= MAX_VALUE_BYTES {
                values.insert(name.to_owned(), value);
            }
        }
    }

    /// Compares a property whose values are personal data, or too private for the log. The event has only its name.
    pub(crate) fn compare_privately<T: PartialEq>(&mut self, name: &'static str, old: &T, new: &T) {
        if old != new {
            self.names.push(name.into());
        }
    }

    /// The metadata of the event. `None` if nothing has changed.
    pub(crate) fn into_metadata(self) -> Option<Map<String, Value>> {
        let Self { names, old, new } = self;
        if names.is_empty() {
            return None;
        }
        let parts = [
            ("changed", Value::Array(names)),
            ("old", Value::Object(old)),
            ("new", Value::Object(new)),
        ];
        Some(
            parts
                .into_iter()
                .map(|(name, value)| (name.to_owned(), value))
                .collect(),
        )
    }
}

#[cfg(test)]
mod tests {
    use super::Changes;
    use serde_json::{Value, json};

    #[test]
    fn the_metadata_has_the_changed_properties_only() {
        let mut changes = Changes::default();
        changes.compare("plan", "starter", "business");
        changes.compare("contract_end", Some("2026-12-31"), None::<&str>);
        changes.compare("contract_start", None::<&str>, None::<&str>);
        changes.compare_privately("sales_owner", &"Ada", &"Grace");
        changes.compare_privately("name", &"Acme", &"Acme");
        assert_eq!(
            changes.into_metadata().map(Value::Object),
            Some(json!({
                "changed": ["plan", "contract_end", "sales_owner"],
                "old": { "plan": "starter", "contract_end": "2026-12-31" },
                "new": { "plan": "business", "contract_end": null },
            }))
        );
        assert_eq!(Changes::default().into_metadata(), None);
    }

    #[test]
    fn a_value_that_is_too_long_for_the_event_is_left_out() {
        let mut changes = Changes::default();
        changes.compare("plan", "p".repeat(9_000), "business");
        assert_eq!(
            changes.into_metadata().map(Value::Object),
            Some(json!({ "changed": ["plan"], "old": {}, "new": { "plan": "business" } }))
        );
    }
}
