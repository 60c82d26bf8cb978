//! What becomes of the records of a call, one batch after the other.

use super::client::AwsError;
use crate::exposure::sink::{Refusal, SendError};

/// What became of the records so far.
#[derive(Debug)]
pub(super) struct Outcome {
    /// Places of those to be sent again.
    failed: Vec<usize>,
    /// Those that the service can never take.
    refused: Vec<Refusal>,
    /// Those that it does not take for what they are, or for what the settings are.
    doubtful: Vec<(usize, AwsError)>,
    /// Why the last of those failed that are to be sent again.
    cause: Option<AwsError>,
    has_taken: bool,
}

impl Outcome {
    /// Nothing is sent yet. `has_taken`: the service has taken something before.
    pub(super) fn new(refused: Vec<Refusal>, has_taken: bool) -> Self {
        Self { failed: Vec::new(), refused, doubtful: Vec::new(), cause: None, has_taken }
    }

    /// Whether nobody answers.
    pub(super) fn is_away(&self) -> bool {
        matches!(self.cause, Some(AwsError::NoAnswer { .. }))
    }

    /// Whether the service has taken anything.
    pub(super) fn has_taken(&self) -> bool {
        self.has_taken
    }

    /// A batch was not sent.
    pub(super) fn failed(&mut self, places: &[usize]) {
        self.failed.extend(places);
    }

    /// A batch was refused as a whole.
    pub(super) fn refused(&mut self, places: &[usize], error: AwsError) {
        match places {
            [place] if error.is_of_content() => self.doubtful.push((*place, error)),
            _ => {
                self.failed.extend(places);
                self.cause = Some(error);
            }
        }
    }

    /// The service said of each entry of a batch whether it was refused.
    pub(super) fn answered(&mut self, places: &[usize], answers: Vec<Option<AwsError>>) {
        let mut answers = answers.into_iter();
        for place in places {
            // One that is not spoken of was not taken.
            match answers.next().unwrap_or_else(|| Some(AwsError::unanswered())) {
                None => self.has_taken = true,
                Some(error) if error.is_of_entry() => self.refused.push(refusal(*place, &error)),
                Some(error) => self.refused(&[*place], error),
            }
        }
    }

    /// What became of all of them.
    pub(super) fn end(mut self) -> Result<Vec<Refusal>, SendError> {
        for (place, error) in self.doubtful {
            if self.has_taken {
                self.refused.push(refusal(place, &error));
            } else {
                // As long as nothing was ever taken it may be the settings: those must not cost a backlog.
                self.failed.push(place);
                self.cause = Some(error);
            }
        }
        self.failed.sort_unstable();
        match self.cause {
            None => Ok(self.refused),
            Some(error) => Err(SendError::these(self.failed, error).refusing(self.refused)),
        }
    }
}

fn refusal(place: usize, error: &AwsError) -> Refusal {
    Refusal { place, reason: error.code().to_owned(), said: error.said().to_owned() }
}
