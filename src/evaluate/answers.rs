//! Answers that another program wrote to a file, as a predictor: so they are scored by the same
//! rules as ours.
//!
//! A row is an answer to both questions about one switch (as `koracle predict` writes them), or the
//! probability of one candidate of one question (as `koracle predict --full` does). Rows name
//! switches by their index among the events, and threads by pid, `comm:pid` or just `pid`.

use super::score::{Counts, PickCount};
use super::watch::{Everybody, Watch};
use crate::features::{Decision, Forecast};
use crate::job::Cancel;
use crate::predictor::Predictor;
use crate::trace::{CpuId, EventKind, ThreadIx, Trace};
use std::collections::HashMap;
use std::io::Read;

/// The name under which they appear in a report.
pub const NAME: &str = "answers";

/// The columns that a file may have.
const EVENT: &str = "event";
const WIDE: [(&str, &str); 2] = [("predicted", "p"), ("forecast", "forecast_p")];
const LONG: [&str; 3] = ["question", "thread", "p"];

/// Why a file of answers cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum AnswersError {
    /// It is no table.
    #[error(transparent)]
    Csv(#[from] csv::Error),
    /// Its head names no answers.
    #[error(
        "line 1: no answers: wanted `event` with `predicted` or `forecast`, or \
             `event,question,thread,p`"
    )]
    Columns,
    /// Its head names a column that is read more than once: nobody knows which of them is meant.
    #[error("line 1: column `{0}` is there twice")]
    Twice(&'static str),
    /// Its rows answer nothing.
    #[error("there is no answer in it")]
    Empty,
    /// A row cannot be used.
    #[error("line {line}: {problem}")]
    Row {
        /// Where.
        line: u64,
        /// What is wrong.
        problem: String,
    },
}

/// Who was named, and how probable; ln p, not yet over the candidates.
type Named = Vec<(i32, f32)>;

/// What a file says of one recording.
#[derive(Debug, Default)]
pub struct Answers {
    /// By the switch that is asked about.
    picks: HashMap<u32, Named>,
    forecasts: HashMap<u32, Named>,
    /// Rows hold one answer each, whose remaining probability is spread over the other candidates.
    wide: bool,
}

impl Answers {
    /// Reads them; `trace` says which events are switches. Errors name the line.
    pub fn read(input: impl Read, trace: &Trace) -> Result<Self, AnswersError> {
        let mut csv = csv::ReaderBuilder::new().flexible(false).from_reader(input);
        let head = csv.headers()?.clone();
        let place = |name: &str| head.iter().position(|h| h.trim() == name);
        let read =
            [EVENT].into_iter().chain(WIDE.into_iter().flat_map(|(a, b)| [a, b])).chain(LONG);
        let times = |name: &str| head.iter().filter(|h| h.trim() == name).count();
        if let Some(name) = read.into_iter().find(|name| times(name) > 1) {
            return Err(AnswersError::Twice(name));
        }
        let event = place(EVENT).ok_or(AnswersError::Columns)?;
        let long = LONG.map(place);
        let wide = WIDE.map(|(thread, p)| (place(thread), place(p)));
        let is_long = long.iter().all(Option::is_some);
        if !is_long && wide.iter().all(|(thread, _)| thread.is_none()) {
            return Err(AnswersError::Columns);
        }
        let mut answers = Self { wide: !is_long, ..Self::default() };
        for record in csv.records() {
            let record = record?;
            let line = record.position().map_or(0, csv::Position::line);
            let taken = switch(record.get(event).unwrap_or_default(), trace).and_then(|event| {
                let field =
                    |at: Option<usize>| at.and_then(|at| record.get(at)).unwrap_or_default().trim();
                if is_long {
                    answers.take_long(event, long.map(field))
                } else {
                    answers.take_wide(event, &wide, field)
                }
            });
            taken.map_err(|problem| AnswersError::Row { line, problem })?;
        }
        if answers.kinds() == [false; 2] {
            return Err(AnswersError::Empty);
        }
        Ok(answers)
    }

    fn take_long(&mut self, event: u32, [question, thread, p]: [&str; 3]) -> Result<(), String> {
        let of = match question {
            "pick" => &mut self.picks,
            "forecast" => &mut self.forecasts,
            other => return Err(format!("question `{other}`: pick or forecast")),
        };
        let pid = pid(thread)?.ok_or("no thread")?;
        let named = of.entry(event).or_default();
        if named.iter().any(|(other, _)| *other == pid) {
            return Err(format!(
                "{thread} was answered before for the {question} of event {event}"
            ));
        }
        named.push((pid, probability(p)?.ok_or("no p")?.ln()));
        Ok(())
    }

    fn take_wide<'a>(
        &mut self,
        event: u32,
        wide: &[(Option<usize>, Option<usize>); 2],
        field: impl Fn(Option<usize>) -> &'a str,
    ) -> Result<(), String> {
        for ((thread, p), of) in wide.iter().zip([&mut self.picks, &mut self.forecasts]) {
            let Some(pid) = pid(field(*thread))? else { continue };
            let p = probability(field(*p))?.unwrap_or(1.0);
            // What is rounded up may be a little more.
            if p > 1.001 {
                return Err(format!("p {p} is no probability"));
            }
            if of.insert(event, vec![(pid, p.min(1.0).ln())]).is_some() {
                return Err(format!("event {event} was answered before"));
            }
        }
        Ok(())
    }

    /// There are answers to picks, to forecasts.
    pub fn kinds(&self) -> [bool; 2] {
        [&self.picks, &self.forecasts].map(|all| !all.is_empty())
    }

    /// Each switch has at most one thread for a question, so that only the first place and its
    /// probability are known.
    pub fn are_single(&self) -> bool {
        self.wide
    }

    /// Scores of candidates, given by their pids: minus infinity for whom nobody named.
    fn fill(&self, named: Option<&Named>, candidates: &[i32], scores: &mut Vec<f32>) {
        scores.clear();
        let named = named.map_or(&[][..], Vec::as_slice);
        let of = |pid: &i32| named.iter().find(|(other, _)| other == pid).map(|n| n.1);
        // What is left of one is spread over the others, each less likely than the one that was
        // named.
        let rest =
            named.first().filter(|(pid, _)| self.wide && candidates.contains(pid)).map(|(_, p)| {
                let left = (1.0 - p.exp()) / candidates.len().saturating_sub(1).max(1) as f32;
                left.min(0.999 * p.exp()).ln()
            });
        scores.extend(candidates.iter().map(|pid| of(pid).or(rest).unwrap_or(f32::NEG_INFINITY)));
    }
}

/// The index of a switch.
fn switch(text: &str, trace: &Trace) -> Result<u32, String> {
    let event: usize = text.trim().parse().map_err(|_| format!("event `{text}` is no index"))?;
    if event >= trace.len() {
        return Err(format!("event {event}: the recording has {}", trace.len()));
    }
    if trace.event(event).kind != EventKind::Switch {
        return Err(format!("event {event} of the recording is no switch"));
    }
    Ok(event as u32)
}

/// The number behind the last colon; `None` of nothing.
fn pid(text: &str) -> Result<Option<i32>, String> {
    if text.is_empty() {
        return Ok(None);
    }
    let number = text.rsplit(':').next().unwrap_or(text);
    number
        .parse()
        .map(Some)
        .map_err(|_| format!("thread `{text}`: a pid, or a name, a colon and a pid"))
}

/// `None` of nothing.
fn probability(text: &str) -> Result<Option<f32>, String> {
    if text.is_empty() {
        return Ok(None);
    }
    let p: f32 = text.parse().map_err(|_| format!("p `{text}` is no number"))?;
    if p.is_finite() && p >= 0.0 {
        Ok(Some(p))
    } else {
        Err(format!("p `{text}` is no probability"))
    }
}

/// Gives the answers of a file when it is asked.
struct Reciter<'a> {
    answers: &'a Answers,
    pids: Vec<i32>,
    /// Room for those of the candidates.
    asked: Vec<i32>,
    /// Per event: the next switch on the same CPU, which a forecast that is asked there is about.
    following: HashMap<u32, u32>,
}

impl<'a> Reciter<'a> {
    fn new(answers: &'a Answers, trace: &Trace) -> Self {
        let threads = trace.tasks().thread_count().max(trace.cpus());
        let pids = (0..threads).map(|t| trace.tasks().pid(ThreadIx(t as u32)).0).collect();
        let cpus = (0..trace.cpus()).map(|cpu| trace.cpu_switches(CpuId(cpu as u16)));
        let following = cpus.flat_map(|all| all.windows(2).map(|two| (two[0], two[1]))).collect();
        Self { answers, pids, asked: Vec::new(), following }
    }

    fn answer(&mut self, named: Option<&'a Named>, candidates: &[ThreadIx], scores: &mut Vec<f32>) {
        self.asked.clear();
        self.asked.extend(candidates.iter().map(|t| self.pids[t.ix()]));
        self.answers.fill(named, &self.asked, scores);
    }
}

impl Predictor for Reciter<'_> {
    fn name(&self) -> &str {
        NAME
    }

    fn pick(&mut self, decision: &Decision<'_>, scores: &mut Vec<f32>) {
        self.answer(self.answers.picks.get(&decision.event), decision.candidates, scores);
    }

    fn forecast(&mut self, forecast: &Forecast<'_>, scores: &mut Vec<f32>) {
        let event = self.following.get(&forecast.event);
        let named = event.and_then(|event| self.answers.forecasts.get(event));
        self.answer(named, forecast.candidates, scores);
    }
}

/// What the scoring of a file of answers gave.
#[derive(Debug)]
pub struct Scored {
    /// The answers in seat 0, then the others.
    pub counts: Counts,
    /// Scored picks and forecasts.
    pub asked: [u64; 2],
    /// Those of them that the file has no answer to: they count as wrong.
    pub missing: [u64; 2],
    /// Those whose answer names nobody who was a candidate: they count as wrong, too.
    pub foreign: [u64; 2],
}

/// Scores the answers, and `others` beside them. A kind of question that the file does not answer
/// at all is not scored. `None` when cancelled; `done` hears of events walked.
pub fn score(
    trace: &Trace,
    answers: &Answers,
    others: Vec<Box<dyn Predictor + '_>>,
    cancel: &Cancel,
    done: &(dyn Fn(u64) + Sync),
) -> Option<Scored> {
    let mut all: Vec<Box<dyn Predictor + '_>> = vec![Box::new(Reciter::new(answers, trace))];
    all.extend(others);
    let mut scored =
        Scored { counts: Counts::new(all.len()), asked: [0; 2], missing: [0; 2], foreign: [0; 2] };
    Watch::new(trace, Everybody(&mut all)).walk(trace, cancel, done, |mut answered| {
        scored.counts.take(trace.cpus(), &mut answered);
        let (outcome, told) = (answered.outcome, answered.told.asked.is_some());
        let asked = [answered.is_pick(), outcome.scored && told];
        for (i, of) in
            [&answers.picks, &answers.forecasts].into_iter().enumerate().filter(|(i, _)| asked[*i])
        {
            scored.asked[i] += 1;
            let candidates =
                if i == 0 { answered.decision.candidates } else { &answered.told.threads };
            let is_candidate =
                |(pid, _): &(i32, f32)| candidates.iter().any(|t| trace.tasks().pid(*t).0 == *pid);
            match of.get(&outcome.event) {
                None => scored.missing[i] += 1,
                Some(named) => scored.foreign[i] += u64::from(!named.iter().any(is_candidate)),
            }
        }
    })?;
    let [picks, forecasts] = answers.kinds();
    let counts = &mut scored.counts;
    counts.forecast[0].asked = if forecasts { scored.asked[1] } else { 0 };
    if !picks {
        counts.pick[0] = PickCount::default();
    }
    Some(scored)
}
