//! Tests the mutants: first with the generator, then with the compiler, and the remaining ones with probes.

use std::collections::VecDeque;
use std::env;
use std::fs;
use std::iter;
use std::path::{Path, PathBuf};
use std::sync::Mutex;

use tenant_registry_codegen::generate;

use crate::batch::compile_batches;
use crate::error::Error;
use crate::mutant::{Change, Edit, Mutant};
use crate::spec::Spec;
use crate::spec_mutants::edited;
use crate::stripped_code::StrippedCode;
use crate::subject::{Literals, subjects};
use crate::verdict::{Judged, Verdict};
use crate::worker::{Check, CompileError, HAND_WRITTEN, Worker};

const SPEC: &str = "spec/openapi.yaml";

/// The settings of a run.
pub(crate) struct Judge<'a> {
    pub(crate) spec: &'a Spec,
    pub(crate) workspace: &'a Path,
    /// The directory of the workers.
    pub(crate) directory: &'a Path,
    /// The number of mutants to test in parallel.
    pub(crate) workers: usize,
}

/// A mutant after one stage of the test.
enum Step {
    Judged(Judged),
    /// No stage has detected it yet.
    Open(Mutant),
}

impl Judge<'_> {
    /// Tests all mutants and reports progress in lines.
    pub(crate) fn all(&self, mutants: Vec<Mutant>, progress: &(dyn Fn(String) + Sync)) -> Result<Vec<Judged>, Error> {
        let total = mutants.len();
        let original_code = StrippedCode::from_files(&generate(&self.spec.text, &[])?);
        let mut judged = Vec::new();
        let open = partition(self.generated(mutants, &original_code)?, &mut judged);
        progress(format!("{} of {total} are decided by the generator", judged.len()));
        if open.is_empty() {
            return Ok(judged);
        }

        let mut workers = Vec::new();
        for number in 0..self.workers {
            workers.push(Worker::set_up(self.workspace, self.directory, number, &self.spec.text)?);
        }
        let original = self.original(&mut workers)?;
        progress("the unchanged sources build".to_owned());

        let open = partition(self.checked(open, &mut workers, progress)?, &mut judged);
        progress(format!("{} remain to be probed", open.len()));
        judged.extend(self.probed(open, &mut workers, &original, progress)?);
        judged.sort_by_key(|it| it.mutant.kind);
        Ok(judged)
    }

    /// Finds the mutants that the generator rejects, and those that do not change the generated code.
    fn generated(&self, mutants: Vec<Mutant>, original_code: &StrippedCode) -> Result<Vec<Step>, Error> {
        parallel(mutants, vec![(); self.workers], |(), mutant| {
            let Change::Spec(edits) = &mutant.change else {
                return Ok(vec![Step::Open(mutant)]);
            };
            let verdict = match generate(&self.text(edits)?, &[]) {
                Err(error) => Verdict::BreaksBuild {
                    error: error.to_string(),
                    place: SPEC.to_owned(),
                },
                Ok(files) if StrippedCode::from_files(&files) == *original_code => Verdict::Harmless,
                Ok(_) => return Ok(vec![Step::Open(mutant)]),
            };
            Ok(vec![Step::Judged(Judged { mutant, verdict })])
        })
    }

    /// Returns the edited spec as JSON, which is also valid YAML.
    fn text<'a>(&self, edits: impl IntoIterator<Item = &'a Edit>) -> Result<String, Error> {
        let document =
            edited(self.spec, edits).ok_or_else(|| Error::Shape("the place that a mutant edits".to_owned()))?;
        Ok(format!("{document:#}\n"))
    }

    /// Checks that the unchanged sources build in every worker, and keeps the resulting service.
    fn original(&self, workers: &mut [Worker]) -> Result<PathBuf, Error> {
        let compiled = env::var_os("CARGO_TARGET_DIR").map_or_else(|| self.workspace.join("target"), PathBuf::from);
        let prepare = |worker: &mut Worker| {
            worker.start_from(&compiled)?;
            passes(worker, &self.spec.text)
        };
        let prepare = &prepare;
        std::thread::scope(|scope| {
            let threads: Vec<_> = workers
                .iter_mut()
                .map(|worker| scope.spawn(move || prepare(worker)))
                .collect();
            threads
                .into_iter()
                .try_for_each(|thread| thread.join().map_err(|_| Error::Worker)?)
        })?;
        let program = self.directory.join("original");
        if let Some(first) = workers.first() {
            fs::copy(first.program(), &program).map_err(Error::file(&program))?;
        }
        Ok(program)
    }

    /// Finds the mutants that break the build. Those of a batch are compiled together, and those of which this shows nothing
    /// are compiled again, one at a time.
    fn checked(
        &self,
        open: Vec<Mutant>,
        workers: &mut [Worker],
        progress: &(dyn Fn(String) + Sync),
    ) -> Result<Vec<Step>, Error> {
        let total = open.len();
        let literals = Literals::read(self.workspace, &HAND_WRITTEN)?;
        let done = Mutex::new(0_usize);
        parallel(
            compile_batches(self.spec, open),
            workers.iter_mut().collect(),
            |worker, batch: Vec<Mutant>| {
                let size = batch.len();
                let mut steps = Vec::new();
                let remaining = if size > 1 {
                    self.check_together(worker, batch, &literals, &mut steps)?
                } else {
                    batch
                };
                for mutant in remaining {
                    steps.push(self.check_single(worker, mutant)?);
                }
                if let Ok(mut done) = done.lock() {
                    *done += size;
                    progress(format!("{done} of {total} checked"));
                }
                Ok(steps)
            },
        )
    }

    /// Compiles mutants together, and returns those of which this shows nothing.
    fn check_together(
        &self,
        worker: &mut Worker,
        batch: Vec<Mutant>,
        literals: &Literals,
        steps: &mut Vec<Step>,
    ) -> Result<Vec<Mutant>, Error> {
        let edits = batch.iter().flat_map(|mutant| match &mutant.change {
            Change::Spec(edits) => edits.as_slice(),
            Change::Code { .. } => &[],
        });
        let Some(document) = edited(self.spec, edits) else {
            return Ok(batch);
        };
        worker.mutate_spec(&format!("{document:#}\n"))?;
        let errors = match worker.check()? {
            Check::Passed => {
                steps.extend(batch.into_iter().map(Step::Open));
                return Ok(Vec::new());
            }
            Check::Broken { first, others } => iter::once(first).chain(others).collect::<Vec<_>>(),
            Check::Failed(_) => return Ok(batch),
        };
        let mut rest = Vec::new();
        for mutant in batch {
            let subjects = subjects(self.spec, &mutant).unwrap_or_default();
            match errors.iter().find(|error| literals.belongs(error, &subjects)) {
                Some(error) => steps.push(Step::Judged(Judged {
                    mutant,
                    verdict: breaks_build(error),
                })),
                None => rest.push(mutant),
            }
        }
        Ok(rest)
    }

    fn check_single(&self, worker: &mut Worker, mutant: Mutant) -> Result<Step, Error> {
        match &mutant.change {
            Change::Spec(edits) => worker.mutate_spec(&self.text(edits)?)?,
            Change::Code { file, text } => worker.mutate_code(file, text)?,
        }
        let verdict = match worker.check()? {
            Check::Passed => return Ok(Step::Open(mutant)),
            Check::Broken { first, others: _ } => breaks_build(&first),
            Check::Failed(why) => Verdict::Missed {
                why: format!("the build fails, but not because of a hand-written file: {why}"),
            },
        };
        Ok(Step::Judged(Judged { mutant, verdict }))
    }
}

fn breaks_build(error: &CompileError) -> Verdict {
    Verdict::BreaksBuild {
        error: error.message.clone(),
        place: error.place(),
    }
}

/// Returns an error if the unchanged sources do not build.
fn passes(worker: &mut Worker, spec: &str) -> Result<(), Error> {
    worker.mutate_spec(spec)?;
    for outcome in [worker.check()?, worker.build()?] {
        match outcome {
            Check::Passed => {}
            Check::Broken { first, others: _ } => {
                return Err(Error::Baseline(format!("{}: {}", first.place(), first.message)));
            }
            Check::Failed(why) => return Err(Error::Baseline(why)),
        }
    }
    Ok(())
}

/// Adds the judged mutants to `judged` and returns the open ones.
fn partition(steps: Vec<Step>, judged: &mut Vec<Judged>) -> Vec<Mutant> {
    let mut open = Vec::new();
    for step in steps {
        match step {
            Step::Judged(it) => judged.push(it),
            Step::Open(mutant) => open.push(mutant),
        }
    }
    open
}

/// Distributes the work items over one thread for each seat. The results are in no particular order.
pub(crate) fn parallel<S: Send, T: Send, R: Send>(
    work: Vec<T>,
    seats: Vec<S>,
    act: impl Fn(&mut S, T) -> Result<Vec<R>, Error> + Sync,
) -> Result<Vec<R>, Error> {
    let queue = Mutex::new(VecDeque::from(work));
    let (queue, act) = (&queue, &act);
    std::thread::scope(|scope| {
        let threads: Vec<_> = seats
            .into_iter()
            .map(|mut seat| {
                scope.spawn(move || {
                    let mut results = Vec::new();
                    loop {
                        let next = queue.lock().map_err(|_| Error::Worker)?.pop_front();
                        match next {
                            Some(item) => results.extend(act(&mut seat, item)?),
                            None => return Ok::<_, Error>(results),
                        }
                    }
                })
            })
            .collect();
        let mut all = Vec::new();
        for thread in threads {
            all.extend(thread.join().map_err(|_| Error::Worker)??);
        }
        Ok(all)
    })
}
