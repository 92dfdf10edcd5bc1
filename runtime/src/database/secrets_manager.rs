//! Credentials in AWS Secrets Manager.
//!
//! The service itself is asked, not the Lambda extension: the extension answers from a cache for up to 300 s, which after a
//! rotation is the password that was just refused.

use aws_sdk_secretsmanager::{Client, error::DisplayErrorContext, operation::get_secret_value::GetSecretValueError};
use futures_util::{FutureExt, future::BoxFuture};
use tokio::sync::OnceCell;

use super::{Credentials, SecretSource, Stage, error::Source};

/// One secret. The SDK is set up when it is first asked, from the environment (on Lambda: the function's role).
pub struct SecretsManager {
    secret: String,
    client: OnceCell<Client>,
}

impl SecretsManager {
    /// A secret by its ARN or its name.
    pub fn new(secret: impl Into<String>) -> Self {
        Self { secret: secret.into(), client: OnceCell::new() }
    }

    /// A secret behind a client that is set up already: another region, another endpoint.
    pub fn with_client(secret: impl Into<String>, client: Client) -> Self {
        Self { secret: secret.into(), client: OnceCell::new_with(Some(client)) }
    }

    async fn client(&self) -> &Client {
        self.client.get_or_init(|| async { Client::new(&aws_config::load_from_env().await) }).await
    }

    async fn read(&self, stage: Stage) -> Result<Option<Credentials>, Source> {
        let stage = match stage {
            Stage::Current => "AWSCURRENT",
            Stage::Pending => "AWSPENDING",
        };
        let request = self.client().await.get_secret_value().secret_id(&self.secret).version_stage(stage);
        let answer = match request.send().await {
            Ok(answer) => answer,
            Err(error) => {
                return match error.as_service_error() {
                    // Without a rotation there is no pending version, and with another role no right to read it.
                    Some(GetSecretValueError::ResourceNotFoundException(_)) if stage == "AWSPENDING" => Ok(None),
                    Some(GetSecretValueError::InvalidRequestException(_)) if stage == "AWSPENDING" => Ok(None),
                    _ => Err(format!("secret {}: {}", self.secret, DisplayErrorContext(&error)).into()),
                };
            }
        };
        let text = answer.secret_string().ok_or("the secret is binary")?;
        Credentials::from_secret_json(text).map(Some)
    }
}

impl SecretSource for SecretsManager {
    fn fetch(&self, stage: Stage) -> BoxFuture<'_, Result<Option<Credentials>, Source>> {
        self.read(stage).boxed()
    }
}
