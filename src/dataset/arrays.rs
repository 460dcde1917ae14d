//! Everything that a network sees of a recording, as arrays for other programs: the inputs of each
//! question, who the candidates were, who came in, and which questions count. Candidates of all
//! questions stand one after the other; `first` says where each question's begin.

use crate::export::npz::{Npz, Rows};
use crate::features::{
    ASK, ASK_NAMES, CAND, CAND_NAMES, Decision, Extractor, Forecast, Outcome, QUERY, QUERY_NAMES,
    Sink, THREAD, THREAD_NAMES, TOKEN_X, TOKEN_X_NAMES, Token, layout_hash,
};
use crate::job::Cancel;
use crate::trace::{CpuId, ThreadIx, Trace};
use std::io::{Result, Write};

/// Events between two looks at the `Cancel`.
const STRIDE: usize = 2_048;

/// No candidate: who came in was none of them, or nobody has come in yet.
const NOBODY: i32 = -1;

/// All arrays of a recording.
#[derive(Debug)]
pub struct Arrays {
    tokens: Tokens,
    pick: Questions,
    forecast: Questions,
    /// The event in hand.
    event: i64,
    /// Per CPU: its tokens so far, and the forecast that is open.
    cpus: Vec<(i64, Option<usize>)>,
    pids: Vec<i32>,
    /// The first thing that could not be written.
    failed: Option<std::io::Error>,
}

/// The steps of the CPUs' sequences, in the order of their events.
#[derive(Debug)]
struct Tokens {
    x: Rows,
    kind: Vec<u8>,
    rank: Vec<u8>,
    state: Vec<u8>,
    cpu: Vec<i32>,
    event: Vec<i64>,
}

/// All questions of a kind.
#[derive(Debug)]
struct Questions {
    rows: Rows,
    query: Rows,
    /// Of all candidates: their pid, 0 for idle.
    pid: Vec<i32>,
    first: Vec<i64>,
    target: Vec<i32>,
    scored: Vec<bool>,
    event: Vec<i64>,
    /// The switch that answers it; -1 when there is none in the recording.
    answered: Vec<i64>,
    time: Vec<i64>,
    cpu: Vec<i32>,
    /// Tokens of its CPU before it.
    tokens: Vec<i64>,
}

impl Questions {
    fn new(row: usize, query: usize) -> Result<Self> {
        Ok(Self {
            rows: Rows::new(row)?,
            query: Rows::new(query)?,
            pid: Vec::new(),
            first: vec![0],
            target: Vec::new(),
            scored: Vec::new(),
            event: Vec::new(),
            answered: Vec::new(),
            time: Vec::new(),
            cpu: Vec::new(),
            tokens: Vec::new(),
        })
    }

    /// Adds one whose answer is not known yet.
    fn push(&mut self, query: &[f32], rows: &[f32]) -> Result<()> {
        self.query.push(query)?;
        self.rows.push(rows)?;
        self.first.push(self.rows.len() as i64);
        self.target.push(NOBODY);
        self.scored.push(false);
        self.answered.push(-1);
        Ok(())
    }

    fn write<W: Write>(self, kind: &str, names: [&[&str]; 2], npz: &mut Npz<W>) -> Result<()> {
        npz.rows(&format!("{kind}_rows"), self.rows)?;
        npz.texts(&format!("{kind}_rows_names"), names[0])?;
        npz.rows(&format!("{kind}_query"), self.query)?;
        npz.texts(&format!("{kind}_query_names"), names[1])?;
        npz.numbers(&format!("{kind}_first"), &self.first)?;
        npz.numbers(&format!("{kind}_pid"), &self.pid)?;
        npz.numbers(&format!("{kind}_target"), &self.target)?;
        npz.numbers(&format!("{kind}_scored"), &self.scored)?;
        npz.numbers(&format!("{kind}_event"), &self.event)?;
        npz.numbers(&format!("{kind}_answered"), &self.answered)?;
        npz.numbers(&format!("{kind}_time_ns"), &self.time)?;
        npz.numbers(&format!("{kind}_cpu"), &self.cpu)?;
        npz.numbers(&format!("{kind}_tokens"), &self.tokens)
    }
}

impl Arrays {
    /// Walks the whole recording. `None` when cancelled; `done` hears of events walked. What waits
    /// for the archive is in temporary files, so that the memory does not grow with the inputs.
    /// Errors: those files cannot be written.
    pub fn of(trace: &Trace, cancel: &Cancel, done: &mut dyn FnMut(u64)) -> Result<Option<Self>> {
        let threads = trace.tasks().thread_count().max(trace.cpus());
        let mut arrays = Self {
            tokens: Tokens {
                x: Rows::new(TOKEN_X)?,
                kind: Vec::new(),
                rank: Vec::new(),
                state: Vec::new(),
                cpu: Vec::new(),
                event: Vec::new(),
            },
            pick: Questions::new(CAND, QUERY)?,
            forecast: Questions::new(THREAD, ASK)?,
            event: 0,
            cpus: vec![(0, None); trace.cpus()],
            pids: (0..threads).map(|t| trace.tasks().pid(ThreadIx(t as u32)).0).collect(),
            failed: None,
        };
        let mut extractor = Extractor::new(trace);
        for start in (0..trace.len()).step_by(STRIDE) {
            if cancel.is_cancelled() {
                return Ok(None);
            }
            let end = trace.len().min(start + STRIDE);
            for i in start..end {
                arrays.event = i as i64;
                extractor.step(trace, i, &mut arrays);
            }
            if let Some(error) = arrays.failed.take() {
                return Err(error);
            }
            done((end - start) as u64);
        }
        Ok(Some(arrays))
    }

    /// Questions of both kinds, picks first.
    pub fn questions(&self) -> [usize; 2] {
        [&self.pick, &self.forecast].map(|q| q.target.len())
    }

    /// Writes the archive; the names and shapes of its arrays are in `docs/features.md`.
    pub fn write(self, out: impl Write) -> Result<()> {
        let mut npz = Npz::new(out);
        match self.fill(&mut npz) {
            Ok(()) => npz.finish(),
            Err(error) => {
                npz.abandon();
                Err(error)
            }
        }
    }

    fn fill<W: Write>(self, npz: &mut Npz<W>) -> Result<()> {
        npz.texts("layout", &[format!("{:016x}", layout_hash())])?;
        npz.rows("token_x", self.tokens.x)?;
        npz.texts("token_x_names", TOKEN_X_NAMES)?;
        npz.numbers("token_kind", &self.tokens.kind)?;
        npz.numbers("token_rank", &self.tokens.rank)?;
        npz.numbers("token_state", &self.tokens.state)?;
        npz.numbers("token_cpu", &self.tokens.cpu)?;
        npz.numbers("token_event", &self.tokens.event)?;
        self.pick.write("pick", [CAND_NAMES, QUERY_NAMES], npz)?;
        self.forecast.write("forecast", [THREAD_NAMES, ASK_NAMES], npz)
    }

    fn keep(&mut self, result: Result<()>) {
        if let Err(error) = result {
            self.failed.get_or_insert(error);
        }
    }

    fn pid(&self, thread: ThreadIx) -> i32 {
        self.pids.get(thread.ix()).copied().unwrap_or(-1)
    }
}

impl Sink for Arrays {
    fn token(&mut self, cpu: CpuId, token: &Token) {
        let written = self.tokens.x.push(&token.x);
        self.keep(written);
        self.tokens.kind.push(token.kind);
        self.tokens.rank.push(token.rank);
        self.tokens.state.push(token.state);
        self.tokens.cpu.push(i32::from(cpu.0));
        self.tokens.event.push(self.event);
        self.cpus[cpu.ix()].0 += 1;
    }

    fn decision(&mut self, decision: &Decision<'_>) {
        let written = self.pick.push(decision.query, decision.features);
        self.keep(written);
        for thread in decision.candidates {
            let pid = self.pid(*thread);
            self.pick.pid.push(pid);
        }
        self.pick.event.push(i64::from(decision.event));
        self.pick.time.push(decision.time.0 as i64);
        self.pick.cpu.push(i32::from(decision.cpu.0));
        self.pick.tokens.push(self.cpus[decision.cpu.ix()].0);
        if let (Some(scored), false) = (self.pick.scored.last_mut(), decision.is_trivial()) {
            // Until the outcome says more.
            *scored = true;
        }
    }

    fn outcome(&mut self, outcome: &Outcome) {
        let (event, last) = (i64::from(outcome.event), self.pick.target.len() - 1);
        self.pick.target[last] = outcome.pick.map_or(NOBODY, |p| p as i32);
        self.pick.answered[last] = event;
        self.pick.scored[last] &= outcome.scored && !outcome.no_pick;
        if let Some(open) = self.cpus[outcome.cpu.ix()].1.take() {
            self.forecast.target[open] = outcome.foretold.map_or(NOBODY, |p| p as i32);
            self.forecast.answered[open] = event;
            self.forecast.scored[open] = outcome.scored;
        }
    }

    fn forecast(&mut self, forecast: &Forecast<'_>) {
        let written = self.forecast.push(forecast.query, forecast.features);
        self.keep(written);
        for thread in forecast.candidates {
            let pid = self.pid(*thread);
            self.forecast.pid.push(pid);
        }
        self.forecast.event.push(i64::from(forecast.event));
        self.forecast.time.push(forecast.time.0 as i64);
        self.forecast.cpu.push(i32::from(forecast.cpu.0));
        let (tokens, open) = &mut self.cpus[forecast.cpu.ix()];
        self.forecast.tokens.push(*tokens);
        *open = Some(self.forecast.target.len() - 1);
    }
}
