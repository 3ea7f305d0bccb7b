//! Proves by requests that generated code alone followed a drift.

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
    /// Sends the probes of what the compiler let pass.
    pub(crate) fn probed(
        &self,
        open: Vec<Mutant>,
        workers: &mut [Worker],
        original: &Path,
        progress: &(dyn Fn(String) + Sync),
    ) -> Result<Vec<Judged>, Error> {
        let (open, unproven): (Vec<Mutant>, Vec<Mutant>) = open.into_iter().partition(|it| it.probe.is_some());
        let batches: Vec<Vec<Mutant>> = batches(&open)
            .into_iter()
            .map(|batch| batch.into_iter().map(|index| open[index].clone()).collect())
            .collect();
        let mut judged = parallel(batches, workers.iter_mut().collect(), |worker, batch: Vec<Mutant>| {
            let size = batch.len();
            let first = self.batch(worker, batch, original)?;
            let mut settled = Vec::new();
            for it in first {
                match it.verdict {
                    // In company another mutant may be at fault.
                    Verdict::Missed { .. } if size > 1 => {
                        settled.extend(self.batch(worker, vec![it.mutant], original)?);
                    }
                    Verdict::Missed { .. } | Verdict::Breaks { .. } | Verdict::Followed { .. } | Verdict::Harmless => {
                        settled.push(it)
                    }
                }
            }
            progress(format!("{} probed on one server", settled.len()));
            Ok(settled)
        })?;
        judged.extend(unproven.into_iter().map(|mutant| Judged {
            mutant,
            verdict: Verdict::Missed {
                why: "it builds, and no probe is known that shows it".to_owned(),
            },
        }));
        Ok(judged)
    }

    /// Builds one server with all drifts of the batch, and sends each probe to it and to the original.
    fn batch(&self, worker: &mut Worker, batch: Vec<Mutant>, original: &Path) -> Result<Vec<Judged>, Error> {
        let missed = |why: String| Verdict::Missed { why };
        let edits = batch.iter().flat_map(|mutant| match &mutant.change {
            Change::Spec(edits) => edits.as_slice(),
            Change::Code { .. } => &[],
        });
        let built = match edited(self.spec, edits) {
            Some(document) => built(worker, &document)?,
            None => Some("the drifts of the batch do not go together".to_owned()),
        };
        if let Some(why) = built {
            let all = batch.into_iter().map(|mutant| Judged {
                mutant,
                verdict: missed(why.clone()),
            });
            return Ok(all.collect());
        }
        if let [mutant] = batch.as_slice()
            && let Some(start) = mutant.probe.as_ref().and_then(|probe| probe.start.as_ref())
        {
            let verdict = started(start, original, &worker.program())?;
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

/// Why the document does not build; `None` where it does.
fn built(worker: &mut Worker, document: &Value) -> Result<Option<String>, Error> {
    worker.mutate_spec(&format!("{document:#}\n"))?;
    Ok(match worker.build()? {
        Check::Passed => None,
        Check::Broken { error, place } => Some(format!("the check passed, but not the build: {place}: {error}")),
        Check::Failed(why) => Some(format!("the check passed, but not the build: {why}")),
    })
}

/// Starts both with the setting; the one that shall refuse must name the setting's value.
fn started(start: &Start, original: &Path, drifted: &Path) -> Result<Verdict, Error> {
    let setting = Some((start.variable, start.value.as_str()));
    let (refusing, accepting) = if start.mutant_refuses {
        (drifted, original)
    } else {
        (original, drifted)
    };
    let accepted = Server::start(accepting, setting);
    Ok(match (Server::start(refusing, setting), accepted) {
        (Err(Error::Server(said)), Ok(_)) if said.contains(&start.value) => Verdict::Followed {
            seen: format!("{}={} is refused by one: {said}", start.variable, start.value),
        },
        (Ok(_), Ok(_)) => Verdict::Missed {
            why: format!("both start with {}={}", start.variable, start.value),
        },
        (Err(Error::Server(said)), Ok(_)) | (Ok(_) | Err(Error::Server(_)), Err(Error::Server(said))) => {
            Verdict::Missed {
                why: format!("with {}={}: {said}", start.variable, start.value),
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
        .misfit(probe, Side::Original)
        .map(|why| format!("the original: {why}"))
        .or_else(|| {
            drifted
                .misfit(probe, Side::Mutant)
                .map(|why| format!("the mutant: {why}"))
        });
    if let Some(why) = why {
        return Verdict::Missed { why };
    }
    match original.misfit(probe, Side::Mutant) {
        Some(difference) => Verdict::Followed {
            seen: format!("before: {difference}"),
        },
        None => Verdict::Missed {
            why: "the probe cannot tell the two apart".to_owned(),
        },
    }
}
