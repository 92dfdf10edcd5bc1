//! Who changed what, as one log line per change, readable alone.
//!
//! It also shows that a handler can take any axum extractor: `context.extract::<E>()` runs one on the request that came in.

use std::{fmt, net::SocketAddr};

use axum::extract::ConnectInfo;
use http::{HeaderMap, header::USER_AGENT};
use specwright_runtime::{
    auth::{AnyCaller, Caller, OrganizationCaller},
    context::Context,
};

/// What every line of the audit log says about the request.
#[derive(Debug)]
pub(crate) struct Audit<'a> {
    context: &'a Context,
    who: Who<'a>,
    user_agent: Option<String>,
    address: Option<SocketAddr>,
}

/// Who did it: every type of caller that an operation can have says as much.
#[derive(Debug)]
pub(crate) struct Who<'a> {
    subject: &'a str,
    /// Who acted in the subject's name, where somebody did.
    actor: Option<&'a str>,
    organization: Option<&'a str>,
}

impl<'a> From<&'a Caller> for Who<'a> {
    fn from(caller: &'a Caller) -> Self {
        Self {
            subject: caller.user_id().as_str(),
            actor: caller.actor().map(|actor| actor.subject.as_str()),
            organization: caller.organization().map(|organization| organization.id.as_str()),
        }
    }
}

impl<'a> From<&'a OrganizationCaller> for Who<'a> {
    fn from(caller: &'a OrganizationCaller) -> Self {
        let caller: &Caller = caller;
        caller.into()
    }
}

impl<'a> From<&'a AnyCaller> for Who<'a> {
    fn from(caller: &'a AnyCaller) -> Self {
        match caller {
            AnyCaller::User(caller) => caller.into(),
            AnyCaller::Machine(machine) => {
                Self { subject: machine.subject(), actor: None, organization: machine.organization_id() }
            }
        }
    }
}

impl<'a> Audit<'a> {
    /// Reads what there is to know. Nothing of it is needed: on Lambda there is no socket and so no address.
    pub(crate) async fn of(context: &'a Context, who: impl Into<Who<'a>>) -> Self {
        let who = who.into();
        let headers = context.extract::<HeaderMap>().await.unwrap_or_default();
        let user_agent = headers.get(USER_AGENT).and_then(|value| value.to_str().ok()).map(str::to_owned);
        let address = context.extract::<ConnectInfo<SocketAddr>>().await.ok().map(|ConnectInfo(address)| address);
        Self { context, who, user_agent, address }
    }

    /// Writes the line. `action` is in the past: call this after the commit.
    pub(crate) fn record(&self, action: &'static str, subject: impl fmt::Display) {
        tracing::info!(
            target: "audit",
            {
                audit.action = action,
                audit.subject = %subject,
                user.id = self.who.subject,
                user.actor = self.who.actor,
                organization.id = self.who.organization,
                request.id = %self.context.request_id(),
                client.user_agent = self.user_agent.as_deref(),
                client.address = self.address.map(tracing::field::display),
            },
            "{action}"
        );
    }
}
