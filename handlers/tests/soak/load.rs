//! Requests at a fixed rate through the generated client, and what became of them.

use std::{
    collections::BTreeMap,
    fmt,
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};

use api_client::Client;
use api_types::NewTask;
use tokio::{sync::oneshot, task::JoinSet, time::MissedTickBehavior};
use uuid::Uuid;

/// How often a refused write is sent again, under its key.
const RETRIES: u32 = 60;

/// Load that goes on until it is told to finish.
pub(crate) struct Load {
    stop: oneshot::Sender<()>,
    running: tokio::task::JoinHandle<()>,
    shared: Arc<Mutex<Report>>,
    began: Instant,
}

/// What became of the requests.
#[derive(Default)]
pub(crate) struct Report {
    answered: Vec<Duration>,
    failures: Vec<Failure>,
    /// The titles of the tasks whose creation was acknowledged.
    pub(crate) acknowledged: Vec<String>,
    writes: usize,
    elapsed: Duration,
}

struct Failure {
    kind: String,
    from: Instant,
    to: Instant,
}

/// A time in which requests may fail.
pub(crate) struct Outage {
    what: &'static str,
    from: Instant,
    to: Instant,
}

impl Outage {
    pub(crate) fn begins() -> Self {
        Self { what: "", from: Instant::now(), to: Instant::now() }
    }

    pub(crate) fn ends(self, what: &'static str) -> Self {
        Self { what, to: Instant::now(), ..self }
    }

    /// Whether a request was under way in it.
    fn explains(&self, failure: &Failure) -> bool {
        failure.from <= self.to && failure.to >= self.from
    }
}

impl Load {
    pub(crate) fn start(client: Client, rate: u64) -> Self {
        let shared = Arc::new(Mutex::new(Report::default()));
        let (stop, mut stopped) = oneshot::channel();
        let report = Arc::clone(&shared);
        let running = tokio::spawn(async move {
            let mut ticks = tokio::time::interval(Duration::from_secs(1) / u32::try_from(rate).unwrap());
            // Late ticks are made up for, so that the rate is that of the sender and not of the service.
            ticks.set_missed_tick_behavior(MissedTickBehavior::Burst);
            let mut requests = JoinSet::new();
            let mut count = 0_u64;
            loop {
                tokio::select! {
                    _ = &mut stopped => break,
                    _ = ticks.tick() => {}
                }
                count += 1;
                requests.spawn(request(client.clone(), count, Arc::clone(&report)));
                while requests.try_join_next().is_some() {}
            }
            requests.join_all().await;
        });
        Self { stop, running, shared, began: Instant::now() }
    }

    /// Sends no more, and waits for what is under way.
    pub(crate) async fn finish(self) -> Report {
        let _ = self.stop.send(());
        self.running.await.unwrap();
        let mut report = std::mem::take(&mut *self.shared.lock().unwrap());
        report.elapsed = self.began.elapsed();
        report
    }
}

/// One in four writes; the others read.
async fn request(client: Client, count: u64, report: Arc<Mutex<Report>>) {
    match count % 4 {
        0 => write(client, format!("task {count}"), &report).await,
        1 => {
            let from = Instant::now();
            let outcome = client.list_tasks(None, None, None, Some(10), None, None, None).await;
            note(&report, from, outcome.map(drop));
        }
        _ => {
            let from = Instant::now();
            let outcome = client.get_task(&Uuid::nil(), None).await;
            // There is no such task, and saying so takes the database.
            let outcome = match outcome {
                Err(error) if error.status().is_some_and(|status| status == 404) => Ok(()),
                other => other.map(drop),
            };
            note(&report, from, outcome);
        }
    }
}

async fn write(client: Client, title: String, report: &Mutex<Report>) {
    report.lock().unwrap().writes += 1;
    let key = Uuid::new_v4().to_string();
    let task: NewTask = serde_json::from_value(serde_json::json!({ "title": title })).unwrap();
    for _ in 0..RETRIES {
        let from = Instant::now();
        let outcome = client.create_task(Some(&key), &task).await.map(drop);
        let acknowledged = outcome.is_ok();
        note(report, from, outcome);
        if acknowledged {
            report.lock().unwrap().acknowledged.push(title);
            return;
        }
        tokio::time::sleep(Duration::from_millis(250)).await;
    }
}

fn note<E: fmt::Debug>(report: &Mutex<Report>, from: Instant, outcome: Result<(), api_client::Error<E>>) {
    let to = Instant::now();
    let mut report = report.lock().unwrap();
    match outcome {
        Ok(()) => report.answered.push(to - from),
        Err(error) => {
            let kind = match error.status() {
                Some(status) => format!("status {}", status.as_u16()),
                None => format!("{error:?}"),
            };
            report.failures.push(Failure { kind, from, to });
        }
    }
}

impl Report {
    /// The failures that are no 503, or that no outage explains.
    pub(crate) fn unexplained(&self, outages: &[Outage]) -> Vec<String> {
        for outage in outages {
            let failed = self.failures.iter().filter(|failure| outage.explains(failure)).count();
            println!("{}: {:?}, {failed} requests under way failed", outage.what, outage.to - outage.from);
        }
        let explained =
            |failure: &&Failure| failure.kind == "status 503" && outages.iter().any(|outage| outage.explains(failure));
        self.failures.iter().filter(|failure| !explained(failure)).map(|failure| failure.kind.clone()).collect()
    }

    pub(crate) fn never_acknowledged(&self) -> usize {
        self.writes - self.acknowledged.len()
    }

    fn quantile(sorted: &[Duration], share: f64) -> Duration {
        #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, clippy::cast_precision_loss)]
        let index = ((sorted.len() as f64 * share) as usize).min(sorted.len().saturating_sub(1));
        sorted.get(index).copied().unwrap_or_default()
    }
}

impl fmt::Display for Report {
    fn fmt(&self, formatter: &mut fmt::Formatter) -> fmt::Result {
        let mut sorted = self.answered.clone();
        sorted.sort_unstable();
        let total = sorted.len() + self.failures.len();
        writeln!(formatter, "requests: {total} in {:.1} s", self.elapsed.as_secs_f64())?;
        let mut kinds = BTreeMap::<&str, usize>::new();
        for failure in &self.failures {
            *kinds.entry(&failure.kind).or_default() += 1;
        }
        writeln!(formatter, "failures by kind: {kinds:?}")?;
        write!(
            formatter,
            "answered in: p50 {:?}, p99 {:?}, max {:?}",
            Self::quantile(&sorted, 0.5),
            Self::quantile(&sorted, 0.99),
            sorted.last().copied().unwrap_or_default()
        )
    }
}
