//! Questions about a caller: role, permission, feature, plan, and how fresh the sign-in is.
//!
//! The semantics are those of Clerk's `has()`, so that a check gives the same answer in a browser and here: everything asked
//! must hold, nothing asked is `false`, and a claim that cannot be read denies.

use serde_json::{Value, json};

use super::caller::{CallerParts, Factors};

/// A question for [`Caller::has`](super::Caller::has): everything it names must hold.
///
/// ```
/// use specwright_runtime::auth::{Check, Reverification};
///
/// let may_delete = Check::new().permission("org:projects:delete").reverification(Reverification::STRICT);
/// ```
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Check {
    role: Option<String>,
    permission: Option<String>,
    feature: Option<String>,
    plan: Option<String>,
    reverification: Option<Reverification>,
}

/// How recently, and by which factor, the caller must have been verified.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Reverification {
    /// Which factor counts.
    pub level: Level,
    /// The verification must be younger than this, in minutes; zero or less never holds.
    pub after_minutes: f64,
}

/// Which factor a [`Reverification`] looks at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Level {
    /// The first factor.
    FirstFactor,
    /// The second factor; the first where no second is enrolled.
    SecondFactor,
    /// Both; the first alone where no second is enrolled.
    MultiFactor,
}

impl Reverification {
    /// Both factors within 10 minutes.
    pub const STRICT_MFA: Self = Self { level: Level::MultiFactor, after_minutes: 10.0 };
    /// The second factor within 10 minutes.
    pub const STRICT: Self = Self { level: Level::SecondFactor, after_minutes: 10.0 };
    /// The second factor within an hour.
    pub const MODERATE: Self = Self { level: Level::SecondFactor, after_minutes: 60.0 };
    /// The second factor within a day.
    pub const LAX: Self = Self { level: Level::SecondFactor, after_minutes: 1440.0 };

    const PRESETS: [(&'static str, Self); 4] =
        [("strict_mfa", Self::STRICT_MFA), ("strict", Self::STRICT), ("moderate", Self::MODERATE), ("lax", Self::LAX)];

    /// Reads the name of a preset, for example `strict`, or a level with minutes, for example `second_factor:30`.
    pub fn parse(text: &str) -> Option<Self> {
        if let Some((_, preset)) = Self::PRESETS.into_iter().find(|(name, _)| *name == text) {
            return Some(preset);
        }
        let (level, minutes) = text.split_once(':')?;
        let levels = [Level::FirstFactor, Level::SecondFactor, Level::MultiFactor];
        let level = levels.into_iter().find(|known| known.as_str() == level)?;
        let minutes = minutes.parse::<u32>().ok().filter(|minutes| *minutes > 0)?;
        Some(Self { level, after_minutes: f64::from(minutes) })
    }

    /// The member `clerk_error` of a 403, by which Clerk's front-end knows what to ask the user for: the name of a preset, or
    /// a level with its minutes.
    pub fn to_clerk_error(self) -> Value {
        let asked = match Self::PRESETS.into_iter().find(|(_, preset)| *preset == self) {
            Some((name, _)) => json!(name),
            None => json!({ "level": self.level.as_str(), "afterMinutes": self.after_minutes }),
        };
        json!({ "type": "forbidden", "reason": "reverification-error", "metadata": { "reverification": asked } })
    }

    fn holds(self, factors: Factors) -> bool {
        let fresh = |minutes: Option<f64>| minutes.is_some_and(|minutes| self.after_minutes > minutes);
        if !self.after_minutes.is_finite() || self.after_minutes <= 0.0 {
            return false;
        }
        match (self.level, factors.first, factors.second) {
            (Level::FirstFactor, first, _) => fresh(first),
            (Level::SecondFactor | Level::MultiFactor, first, None) => fresh(first),
            (Level::SecondFactor, _, second) => fresh(second),
            (Level::MultiFactor, first, second) => fresh(first) && fresh(second),
        }
    }
}

impl Level {
    /// Clerk's name, for example `second_factor`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::FirstFactor => "first_factor",
            Self::SecondFactor => "second_factor",
            Self::MultiFactor => "multi_factor",
        }
    }
}

impl Check {
    /// Asks nothing yet, and therefore does not hold.
    pub fn new() -> Self {
        Self::default()
    }

    /// Asks for a role in the organization, for example `org:admin`; the prefix may be left out.
    #[must_use]
    pub fn role(mut self, role: impl Into<String>) -> Self {
        self.role = Some(role.into());
        self
    }

    /// Asks for a permission in the organization, for example `org:projects:manage`; the prefix may be left out.
    #[must_use]
    pub fn permission(mut self, permission: impl Into<String>) -> Self {
        self.permission = Some(permission.into());
        self
    }

    /// Asks for a feature: `dashboard` of the user or the organization, `user:dashboard` or `org:dashboard` of one of them.
    #[must_use]
    pub fn feature(mut self, feature: impl Into<String>) -> Self {
        self.feature = Some(feature.into());
        self
    }

    /// Asks for a plan: `pro` of the user or the organization, `user:pro` or `org:pro` of one of them.
    #[must_use]
    pub fn plan(mut self, plan: impl Into<String>) -> Self {
        self.plan = Some(plan.into());
        self
    }

    /// Asks for a recent verification.
    #[must_use]
    pub fn reverification(mut self, reverification: Reverification) -> Self {
        self.reverification = Some(reverification);
        self
    }

    pub(super) fn holds(&self, caller: &CallerParts) -> bool {
        let organization = caller.organization.as_ref();
        let answers = [
            self.role.as_deref().map(|role| {
                organization.and_then(|organization| organization.role.as_deref()).is_some_and(|has| {
                    !has.is_empty() && without_organization_prefix(has) == without_organization_prefix(role)
                })
            }),
            self.permission.as_deref().map(|permission| caller.has_permission(permission)),
            self.feature.as_deref().map(|feature| is_listed(caller.features.as_deref(), feature)),
            self.plan.as_deref().map(|plan| is_listed(caller.plans.as_deref(), plan)),
            self.reverification
                .map(|reverification| caller.factors.is_some_and(|factors| reverification.holds(factors))),
        ];
        let mut asked = answers.into_iter().flatten().peekable();
        asked.peek().is_some() && asked.all(|answer| answer)
    }
}

/// Puts exactly one `org:` in front, however many there are.
pub(crate) fn with_organization_prefix(text: &str) -> String {
    ["org:", without_organization_prefix(text)].concat()
}

/// Takes all `org:` from the front.
pub(super) fn without_organization_prefix(text: &str) -> &str {
    let mut rest = text;
    while let Some(stripped) = rest.strip_prefix("org:") {
        rest = stripped;
    }
    rest
}

/// Whether a `fea` or `pla` claim lists what is asked for. An element without a scope makes the whole claim unreadable.
fn is_listed(claim: Option<&str>, asked: &str) -> bool {
    let Some(elements) = claim
        .filter(|claim| !claim.is_empty())
        .and_then(|claim| claim.split(',').map(|element| element.trim().split_once(':')).collect::<Option<Vec<_>>>())
    else {
        return false;
    };
    let mut words = asked.split(':');
    let first = words.next().unwrap_or_default();
    let (scope, id) = match words.next() {
        None => (None, first),
        // Clerk reads `o:` as the feature `o` of the organization; odd, but no more than the claim grants.
        Some("") => (Some(first), first),
        Some(id) => (Some(first), id),
    };
    let (of_user, of_organization) = match scope {
        None => (true, true),
        Some("u" | "user") => (true, false),
        Some("o" | "org" | "organization") => (false, true),
        Some(_) => return false,
    };
    elements.into_iter().any(|(scope, value)| {
        value == id
            && ((of_organization && matches!(scope, "o" | "ou" | "uo"))
                || (of_user && matches!(scope, "u" | "ou" | "uo")))
    })
}
