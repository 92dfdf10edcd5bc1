//! Logs: JSON lines on Lambda, readable lines on a terminal.

use tracing_subscriber::{EnvFilter, fmt, layer::SubscriberExt as _, util::SubscriberInitExt as _};

/// Starts logging to standard error, once per process; later calls do nothing.
///
/// `LOG` (or `RUST_LOG`) chooses what is shown, `info` where neither is set (`LOG=debug`,
/// `LOG=info,sqlx=warn`). On Lambda, and where `LOG_FORMAT=json`, each line is a JSON object. A panic becomes such a line too.
pub fn init() {
    let filter = EnvFilter::try_from_env("LOG")
        .or_else(|_| EnvFilter::try_from_default_env())
        .unwrap_or_else(|_| EnvFilter::new("info"));
    let on_lambda = std::env::var_os("AWS_LAMBDA_RUNTIME_API").is_some();
    let json = on_lambda || std::env::var("LOG_FORMAT").is_ok_and(|format| format == "json");
    let registry = tracing_subscriber::registry().with(filter);
    let started = if json {
        let lines = fmt::layer().json().flatten_event(true).with_current_span(true).with_span_list(false);
        registry.with(lines.with_writer(std::io::stderr)).try_init()
    } else {
        let terminal = std::io::IsTerminal::is_terminal(&std::io::stderr());
        registry.with(fmt::layer().compact().with_ansi(terminal).with_writer(std::io::stderr)).try_init()
    };
    if started.is_ok() {
        std::panic::set_hook(Box::new(|panic| {
            let place = panic.location().map(ToString::to_string).unwrap_or_default();
            tracing::error!(panic.message = panic_message(panic.payload()), panic.place = place, "panicked");
        }));
    }
}

/// The text of a panic.
pub(crate) fn panic_message(payload: &(dyn std::any::Any + Send)) -> &str {
    payload
        .downcast_ref::<&'static str>()
        .copied()
        .or_else(|| payload.downcast_ref::<String>().map(String::as_str))
        .unwrap_or("a panic without a message")
}
