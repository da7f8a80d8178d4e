//! The LiveKit server that a verb talks to. With `--curl` nothing is called: the command that
//! would do the same is printed, and there is no answer.

mod curl;
mod remedy;

use prost::Message;
use serde::Serialize;
use trunkline_base::class::Class;
use trunkline_base::id::RoomName;
use trunkline_client::api::{ApiError, LiveKitApiClient, Rpc};
use trunkline_client::auth::LiveKitAuthManager;

use crate::failure::Failure;
use crate::global::Global;
use crate::output;
use crate::target::{self, Target};

/// A server, found as `target` says.
#[derive(Debug)]
pub(crate) struct Server<'a> {
    global: &'a Global,
    target: Target,
    api: LiveKitApiClient,
}

impl<'a> Server<'a> {
    /// Finds the server and says which it is; nothing is sent yet.
    pub(crate) fn open(global: &'a Global) -> Result<Self, Failure> {
        let target = target::open(global)?;
        let api = client(&target)?;
        Ok(Self {
            global,
            target,
            api,
        })
    }

    /// The same for a verb whose calls hang on each other's answers, which no command can stand
    /// for.
    ///
    /// # Errors
    /// A refusal with `--curl`, and whatever [`Server::open`] refuses.
    pub(crate) fn open_for_several(global: &'a Global) -> Result<Self, Failure> {
        if global.curl {
            let text = "--curl prints one call, and this verb makes several, each by the answer \
                        to the one before";
            return Err(Failure::new(Class::Invalid, "cli.curl", text)
                .or_else("leave --curl out; -v shows what is done"));
        }
        Self::open(global)
    }

    /// The flags of every verb.
    pub(crate) const fn global(&self) -> &'a Global {
        self.global
    }

    /// For several calls that belong together; they are made whatever was typed, so the verb opens
    /// with [`Server::open_for_several`].
    pub(crate) const fn api(&self) -> &LiveKitApiClient {
        &self.api
    }

    /// Where it is.
    pub(crate) fn url(&self) -> &str {
        &self.target.url
    }

    /// What went wrong, why, and what to do about it.
    pub(crate) fn explain(&self, error: ApiError) -> Failure {
        remedy::explain(error, &self.target)
    }

    /// Calls; with `--curl` prints the command instead and answers nothing.
    ///
    /// # Errors
    /// What went wrong, why, and what to do about it.
    pub(crate) async fn call<Req, Res>(
        &self,
        rpc: &'static Rpc<Req, Res>,
        request: Req,
    ) -> Result<Option<Res>, Failure>
    where
        Req: Message + Serialize,
        Res: Message + Default,
    {
        if self.global.curl {
            let described = self.api.describe(rpc, request)?;
            let command = curl::render(&described, &self.target);
            output::line(&command.text);
            for variable in command.variables {
                let line = format!("set {variable} before you run it; secrets are not printed");
                self.global.tell(&line);
            }
            return Ok(None);
        }
        if self.global.verbose > 0 {
            self.global.tell(&curl::shown(rpc.info().name, &request));
        }
        match self.api.call(rpc, request).await {
            Ok(answer) => Ok(Some(answer)),
            Err(error) => Err(remedy::explain(error, &self.target)),
        }
    }

    /// What `list` lists to its last page; with `--curl` prints the command for all that one call
    /// lists, and answers nothing.
    ///
    /// # Errors
    /// What went wrong, why, and what to do about it.
    pub(crate) async fn every<Req, Res, T>(
        &self,
        rpc: &'static Rpc<Req, Res>,
        list: impl Future<Output = Result<Vec<T>, ApiError>>,
    ) -> Result<Option<Vec<T>>, Failure>
    where
        Req: Message + Serialize + Default,
        Res: Message + Default,
    {
        if self.global.curl {
            let printed = self.call(rpc, Req::default()).await;
            return printed.map(|_| None);
        }
        if self.global.verbose > 0 {
            let line = curl::shown(rpc.info().name, &Req::default());
            self.global.tell(&line);
        }
        let listed = list.await;
        listed.map(Some).map_err(|error| self.explain(error))
    }
}

fn client(target: &Target) -> Result<LiveKitApiClient, Failure> {
    let rules = target.calling.security.transport_rules();
    Ok(LiveKitApiClient::with(
        (target.url.as_str(), &rules),
        LiveKitAuthManager::new(target.keys.clone()),
        target.calling.retries.for_people(),
    )?)
}

/// A room's name as typed.
pub(crate) fn room_name(name: &str) -> Result<RoomName, Failure> {
    RoomName::parse(name)
        .map_err(|error| Failure::new(Class::Invalid, "room.name", error.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_takes_several_calls_is_not_printed_as_one() {
        let global = Global {
            curl: true,
            yes: true,
            ..Global::default()
        };
        let refused = Server::open_for_several(&global).map(drop).unwrap_err();
        assert_eq!(refused.code(), "cli.curl");
    }
}
