//! A stand-in for Lambda's Runtime API: hands events to a function in another process, and its answers back.
//!
//! ```no_run
//! # async fn example() -> Result<(), Box<dyn std::error::Error>> {
//! use specwright_runtime::local::lambda_runtime::LambdaRuntime;
//!
//! let runtime = LambdaRuntime::start().await?;
//! let function = tokio::process::Command::new("target/debug/api").envs(runtime.environment()).kill_on_drop(true).spawn()?;
//! let response = runtime.invoke(serde_json::json!({ "rawPath": "/health", "requestContext": {} })).await?;
//! assert_eq!(response["statusCode"], 200);
//! # drop(function);
//! # Ok(())
//! # }
//! ```

use std::{
    collections::HashMap,
    io,
    net::SocketAddr,
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use axum::{
    Json, Router,
    extract::{Path, State},
    response::{IntoResponse, Response},
    routing::{get, post},
};
use http::StatusCode;
use serde_json::{Value, json};
use tokio::{
    net::TcpListener,
    sync::{Mutex as AsyncMutex, mpsc, oneshot},
    task::JoinHandle,
};

/// A Runtime API on a port of 127.0.0.1. It ends when it is dropped; the function is the caller's to end.
#[derive(Debug)]
pub struct LambdaRuntime {
    address: SocketAddr,
    state: Arc<Shared>,
    server: JoinHandle<()>,
}

/// Why an event has no response.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum InvokeError {
    /// The function answered with an error, as it does after a panic outside of an operation.
    #[error("the function failed: {0}")]
    Function(Value),
    /// The function said that it cannot start.
    #[error("the function cannot start: {0}")]
    Start(Value),
    /// The function did not answer in time.
    #[error("the function did not answer within {0:?}")]
    Timeout(Duration),
}

/// How long an event may take, the function's start included.
const TIMEOUT: Duration = Duration::from_secs(30);

type Answer = Result<Value, InvokeError>;

#[derive(Debug)]
struct Shared {
    events: mpsc::UnboundedSender<(String, Value)>,
    queue: AsyncMutex<mpsc::UnboundedReceiver<(String, Value)>>,
    waiting: Mutex<HashMap<String, oneshot::Sender<Answer>>>,
}

impl LambdaRuntime {
    /// Starts listening on a free port.
    ///
    /// # Errors
    ///
    /// Where the system gives no port.
    pub async fn start() -> io::Result<Self> {
        let (events, queue) = mpsc::unbounded_channel();
        let state = Arc::new(Shared { events, queue: AsyncMutex::new(queue), waiting: Mutex::default() });
        let router = Router::new()
            .route("/2018-06-01/runtime/invocation/next", get(next))
            .route("/2018-06-01/runtime/invocation/{id}/response", post(respond))
            .route("/2018-06-01/runtime/invocation/{id}/error", post(fail))
            .route("/2018-06-01/runtime/init/error", post(fail_to_start))
            .with_state(Arc::clone(&state));
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let address = listener.local_addr()?;
        let server = tokio::spawn(crate::serve::listen(router, listener, std::future::pending()));
        Ok(Self { address, state, server })
    }

    /// The value of `AWS_LAMBDA_RUNTIME_API`: host and port without a scheme.
    pub fn url(&self) -> String {
        self.address.to_string()
    }

    /// The environment that a function needs to run against this.
    pub fn environment(&self) -> Vec<(&'static str, String)> {
        vec![
            ("AWS_LAMBDA_RUNTIME_API", self.url()),
            ("AWS_LAMBDA_FUNCTION_NAME", "function".to_owned()),
            ("AWS_LAMBDA_FUNCTION_VERSION", "$LATEST".to_owned()),
            ("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "512".to_owned()),
            ("AWS_EC2_METADATA_DISABLED", "true".to_owned()),
        ]
    }

    /// Hands an event over and waits for the response, at most 30 seconds. Events queue up: the function takes one at a time.
    ///
    /// # Errors
    ///
    /// [`InvokeError`].
    pub async fn invoke(&self, event: Value) -> Answer {
        let id = uuid::Uuid::new_v4().to_string();
        let (sender, receiver) = oneshot::channel();
        self.state.waiting().insert(id.clone(), sender);
        // The queue lives as long as the state, so that sending cannot fail.
        let _ = self.state.events.send((id.clone(), event));
        match tokio::time::timeout(TIMEOUT, receiver).await {
            Ok(Ok(answer)) => answer,
            Ok(Err(_)) | Err(_) => {
                self.state.waiting().remove(&id);
                Err(InvokeError::Timeout(TIMEOUT))
            }
        }
    }
}

impl Drop for LambdaRuntime {
    fn drop(&mut self) {
        self.server.abort();
    }
}

impl Shared {
    fn waiting(&self) -> std::sync::MutexGuard<'_, HashMap<String, oneshot::Sender<Answer>>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn answer(&self, id: &str, answer: Answer) -> StatusCode {
        match self.waiting().remove(id) {
            Some(sender) => {
                let _ = sender.send(answer);
                StatusCode::ACCEPTED
            }
            None => StatusCode::BAD_REQUEST,
        }
    }
}

async fn next(State(state): State<Arc<Shared>>) -> Response {
    let mut queue = state.queue.lock().await;
    let Some((id, event)) = queue.recv().await else { return StatusCode::GONE.into_response() };
    let deadline = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default() + TIMEOUT;
    let headers = [
        ("lambda-runtime-aws-request-id", id),
        ("lambda-runtime-deadline-ms", deadline.as_millis().to_string()),
        (
            "lambda-runtime-invoked-function-arn",
            "arn:aws:lambda:eu-central-1:000000000000:function:function".to_owned(),
        ),
        ("lambda-runtime-trace-id", "Root=1-00000000-000000000000000000000000;Sampled=0".to_owned()),
    ];
    (headers, Json(event)).into_response()
}

async fn respond(State(state): State<Arc<Shared>>, Path(id): Path<String>, body: String) -> StatusCode {
    state.answer(&id, Ok(serde_json::from_str(&body).unwrap_or_else(|_| json!(body))))
}

async fn fail(State(state): State<Arc<Shared>>, Path(id): Path<String>, body: String) -> StatusCode {
    state.answer(&id, Err(InvokeError::Function(serde_json::from_str(&body).unwrap_or_else(|_| json!(body)))))
}

async fn fail_to_start(State(state): State<Arc<Shared>>, body: String) -> StatusCode {
    let ids: Vec<_> = state.waiting().keys().cloned().collect();
    for id in ids {
        let reason = serde_json::from_str(&body).unwrap_or_else(|_| json!(body));
        state.answer(&id, Err(InvokeError::Start(reason)));
    }
    StatusCode::ACCEPTED
}
