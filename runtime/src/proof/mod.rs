//! The round-trip proof of a contract: typed client, real router and typed handlers of one contract, against each other.
//!
//! Generated code (`specwright generate --proof`) holds a [`Plan`] per operation, the call of the client's method, and a handler
//! that shows what it was given and answers with what it is told. Everything else is here and the same for every contract:
//!
//! - Requests are made from the schemas: only what must be there, everything, odd characters and bounds, another member of each
//!   union. Each goes through the client, a socket and the router to the handler, and must arrive equal.
//! - Every documented response, with every media type, goes back the same way and must arrive equal, with its status.
//! - One keyword at a time is broken, in each parameter and each part of each body: the router must refuse it with 400 or 422 and
//!   name the keyword and the place, and the handler must not be reached. So must a missing parameter or body, a body of a foreign
//!   media type (415), an `Accept` that nothing satisfies (406), and a secured operation without a credential (401).
//! - Requests that were damaged at random places are answered, by a handler or with a problem: nothing panics, and nobody but a
//!   handler says 500. `SPECWRIGHT_FUZZ_REQUESTS` says how many for each operation.
//!
//! What cannot be made or is outside HTTP is counted and named, never left out silently. Equal means: as JSON, and in addition
//! what the type made of the value still says all that the value said.
//!
//! Nothing of this belongs into a deployed artefact; the feature `proof` is for tests.

mod breach;
mod credential;
mod drive;
mod example;
mod given;
mod noise;
mod plan;
mod refusal;
mod report;
mod requests;
mod stage;
mod text;

pub use self::{
    drive::{Case, run},
    given::{Argument, Arrived, Fault, Given},
    plan::{Answer, Body, Content, Header, Part, Plan, Spelling, Status},
    report::Report,
    stage::{Reply, Stage},
};
