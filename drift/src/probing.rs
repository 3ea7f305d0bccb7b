//! Sends probes to show that generated code follows a mutant without changes to hand-written code.

use std::path::Path;

use serde_json::Value;

use crate::batch::batches;
use crate::error::Error;
use crate::judge::{Judge, parallel};
use crate::mutant::{Change, Mutant};
use crate::probe::Start;
use crate::server::{Server, Side};
use crate::spec_mutants::edited;
use crate::verdict::{Judged, Verdict};
use crate::worker::{Check, Worker};

impl Judge<'_> {
    /// Probes the mutants that compile.
    pub(crate) fn probed(
        &self,
        open: Vec<Mutant>,
        workers: &mut [Worker],
        original: &Path,
        progress: &(dyn Fn(String) + Sync),
    ) -> Result<Vec<Judged>, Error> {
        let (open, without_probe): (Vec<Mutant>, Vec<Mutant>) = open.into_iter().partition(|it| it.probe.is_some());
        let batches: Vec<Vec<Mutant>> = batches(&open)
            .into_iter()
            .map(|batch| batch.into_iter().map(|index| open[index].clone()).collect())
            .collect();
        let mut judged = parallel(batches, workers.iter_mut().collect(), |worker, batch: Vec<Mutant>| {
            let size = batch.len();
            let first = self.batch(worker, batch, original)?;
            let mut done = Vec::new();
            for it in first {
                match it.verdict {
                    // Another mutant of the batch may be the cause, so try this one on its own.
                    Verdict::Missed { .. } if size > 1 => {
                        done.extend(self.batch(worker, vec![it.mutant], original)?);
                    }
                    Verdict::Missed { .. }
                    | Verdict::BreaksBuild { .. }
                    | Verdict::Followed { .. }
                    | Verdict::Harmless => done.push(it),
                }
            }
            progress(format!("{} probed on one server", done.len()));
            Ok(done)
        })?;
        judged.extend(without_probe.into_iter().map(|mutant| Judged {
            mutant,
            verdict: Verdict::Missed {
                why: "it builds, and there is no probe for it".to_owned(),
            },
        }));
        Ok(judged)
    }

    /// Builds one server with all mutants of the batch, and sends each probe to it and to the original.
    fn batch(&self, worker: &mut Worker, batch: Vec<Mutant>, original: &Path) -> Result<Vec<Judged>, Error> {
        let missed = |why: String| Verdict::Missed { why };
        let edits = batch.iter().flat_map(|mutant| match &mutant.change {
            Change::Spec(edits) => edits.as_slice(),
            Change::Code { .. } => &[],
        });
        let build_error = match edited(self.spec, edits) {
            Some(document) => build(worker, &document)?,
            None => Some("the edits of the batch conflict".to_owned()),
        };
        if let Some(why) = build_error {
            let all = batch.into_iter().map(|mutant| Judged {
                mutant,
                verdict: missed(why.clone()),
            });
            return Ok(all.collect());
        }
        if let [mutant] = batch.as_slice()
            && let Some(start) = mutant.probe.as_ref().and_then(|probe| probe.start.as_ref())
        {
            let verdict = probe_start(start, original, &worker.program())?;
            let mutant = mutant.clone();
            return Ok(vec![Judged { mutant, verdict }]);
        }
        let mut original = Server::start(original, None)?;
        let mut drifted = match Server::start(&worker.program(), None) {
            Ok(server) => server,
            Err(error @ Error::Server(_)) => {
                let all = batch.into_iter().map(|mutant| Judged {
                    mutant,
                    verdict: missed(error.to_string()),
                });
                return Ok(all.collect());
            }
            Err(error) => return Err(error),
        };
        let judged = batch.into_iter().map(|mutant| {
            let verdict = probe(&mutant, &mut original, &mut drifted);
            Judged { mutant, verdict }
        });
        Ok(judged.collect())
    }
}

/// Builds the service from the document. Returns the error if that fails.
fn build(worker: &mut Worker, document: &Value) -> Result<Option<String>, Error> {
    worker.mutate_spec(&format!("{document:#}\n"))?;
    Ok(match worker.build()? {
        Check::Passed => None,
        Check::Broken { first, others: _ } => Some(format!(
            "`cargo check` passes, but `cargo build` fails: {}: {}",
            first.place(),
            first.message
        )),
        Check::Failed(why) => Some(format!("`cargo check` passes, but `cargo build` fails: {why}")),
    })
}

/// Starts both servers with the setting. The one that must reject it has to name the value.
fn probe_start(start: &Start, original: &Path, drifted: &Path) -> Result<Verdict, Error> {
    let setting = Some((start.name, start.value.as_str()));
    let (rejecting, accepting) = if start.mutant_rejects {
        (drifted, original)
    } else {
        (original, drifted)
    };
    let accepted = Server::start(accepting, setting);
    Ok(match (Server::start(rejecting, setting), accepted) {
        (Err(Error::Server(said)), Ok(_)) if said.contains(&start.value) => Verdict::Followed {
            seen: format!("only one server rejects {}={}: {said}", start.name, start.value),
        },
        (Ok(_), Ok(_)) => Verdict::Missed {
            why: format!("both servers start with {}={}", start.name, start.value),
        },
        (Err(Error::Server(said)), Ok(_)) | (Ok(_) | Err(Error::Server(_)), Err(Error::Server(said))) => {
            Verdict::Missed {
                why: format!("with {}={}: {said}", start.name, start.value),
            }
        }
        (Err(error), _) | (_, Err(error)) => return Err(error),
    })
}

fn probe(mutant: &Mutant, original: &mut Server, drifted: &mut Server) -> Verdict {
    let Some(probe) = &mutant.probe else {
        return Verdict::Missed {
            why: "no probe".to_owned(),
        };
    };
    let why = original
        .mismatch(probe, Side::Original)
        .map(|why| format!("the original: {why}"))
        .or_else(|| {
            drifted
                .mismatch(probe, Side::Mutant)
                .map(|why| format!("the mutant: {why}"))
        });
    if let Some(why) = why {
        return Verdict::Missed { why };
    }
    match original.mismatch(probe, Side::Mutant) {
        Some(difference) => Verdict::Followed {
            seen: format!("the original responded differently: {difference}"),
        },
        None => Verdict::Missed {
            why: "the probe does not distinguish the mutant from the original".to_owned(),
        },
    }
}
