//! The check that the service and its rival do the same. Otherwise their figures could not be compared.

use serde_json::Value;

use super::{Bench, Services};
use crate::error::Error;
use crate::load::response;
use crate::operations::{Case, Comparison};

/// How many requests of an operation are compared.
const REQUESTS: usize = 20;

impl Bench<'_> {
    /// Fails if the two respond differently to a request of this case.
    pub(super) async fn require_same_responses(&self, services: &Services, case: &Case) -> Result<(), Error> {
        let Some(comparison) = case.comparison else {
            return Ok(());
        };
        let requests = &case.operation.requests;
        for request in requests.iter().step_by(requests.len().div_ceil(REQUESTS).max(1)) {
            let service = response(services.service.address, request).await?;
            let by_hand = response(services.by_hand.address, request).await?;
            if !is_same(&service, &by_hand, comparison) {
                return Err(Error::DifferentResponses {
                    request: String::from_utf8_lossy(request).into_owned(),
                    service: text(&service),
                    by_hand: text(&by_hand),
                });
            }
        }
        Ok(())
    }
}

/// A status and a body.
type Response = (u16, Vec<u8>);

fn is_same(one: &Response, other: &Response, comparison: Comparison) -> bool {
    let bodies = json(one, comparison).zip(json(other, comparison));
    one.0 == other.0 && bodies.is_some_and(|(one, other)| one == other)
}

/// The body without the members that differ.
fn json((_, body): &Response, comparison: Comparison) -> Option<Value> {
    let mut json: Value = serde_json::from_slice(body).ok()?;
    for member in comparison.except {
        json.as_object_mut()?.remove(*member)?;
    }
    Some(json)
}

fn text((status, body): &Response) -> String {
    format!("{status} {}", String::from_utf8_lossy(body))
}

#[cfg(test)]
mod tests {
    use super::is_same;
    use crate::operations::Comparison;

    #[test]
    fn responses_are_the_same_but_for_ids_and_times_of_new_records() {
        let response = |status, body: &str| (status, body.as_bytes().to_vec());
        let same =
            |one: &str, other: &str, except| is_same(&response(200, one), &response(200, other), Comparison { except });
        assert!(same(r#"{"id": 1, "a": 2}"#, r#"{"a": 2, "id": 3}"#, &["id"]));
        assert!(!same(r#"{"id": 1}"#, r#"{"id": 3}"#, &[]));
        assert!(!same(r#"{"id": 1, "a": 2}"#, r#"{"a": 2}"#, &["id"]));
        assert!(!same("", "", &[]));
        let error = response(500, "{}");
        assert!(!is_same(&response(200, "{}"), &error, Comparison { except: &[] }));
    }
}
