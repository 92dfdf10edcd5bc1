//! Who changed what, as one log line per change, readable alone.
//!
//! It also shows that a handler can take any axum extractor: `context.extract::<E>()` runs one on the request that came in.

use std::{fmt, net::SocketAddr};

use axum::extract::ConnectInfo;
use http::{HeaderMap, header::USER_AGENT};
use specwright_runtime::{auth::Caller, context::Context};

/// What every line of the audit log says about the request.
#[derive(Debug)]
pub(crate) struct Audit<'a> {
    context: &'a Context,
    caller: &'a Caller,
    user_agent: Option<String>,
    address: Option<SocketAddr>,
}

impl<'a> Audit<'a> {
    /// Reads what there is to know. Nothing of it is needed: on Lambda there is no socket and so no address.
    pub(crate) async fn of(context: &'a Context, caller: &'a Caller) -> Self {
        let headers = context.extract::<HeaderMap>().await.unwrap_or_default();
        let user_agent = headers.get(USER_AGENT).and_then(|value| value.to_str().ok()).map(str::to_owned);
        let address = context.extract::<ConnectInfo<SocketAddr>>().await.ok().map(|ConnectInfo(address)| address);
        Self { context, caller, user_agent, address }
    }

    /// Writes the line. `action` is in the past: call this after the commit.
    pub(crate) fn record(&self, action: &'static str, subject: impl fmt::Display) {
        let organization = self.caller.organization();
        tracing::info!(
            target: "audit",
            {
                audit.action = action,
                audit.subject = %subject,
                user.id = self.caller.user_id().as_str(),
                user.actor = self.caller.actor().map(|actor| actor.subject.as_str()),
                organization.id = organization.map(|organization| organization.id.as_str()),
                request.id = %self.context.request_id(),
                client.user_agent = self.user_agent.as_deref(),
                client.address = self.address.map(tracing::field::display),
            },
            "{action}"
        );
    }
}
