//! [`Answer`]: what is sent for a request; and [`Problem`], an error as JSON.

use serde::Serialize;

use crate::failure::Failure;

/// What is sent for a request.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) content_type: &'static str,
    pub(super) body: Vec<u8>,
}

/// The type of JSON.
pub(super) const JSON: &str = "application/json";

/// The status of a request that cannot be answered: a file is broken, or there is no such element.
const REFUSED: u16 = 422;

impl Answer {
    /// Creates an answer of a value, or of an error.
    pub(super) fn of(value: Result<Vec<u8>, Failure>) -> Answer {
        let (status, body) = match value {
            Ok(body) => (200, body),
            Err(failure) => (REFUSED, to_json(&Failed { error: Problem::of_failure(&failure) })),
        };
        Answer { status, content_type: JSON, body }
    }
}

/// Returns a value as JSON. Numbers that are not finite become `null`.
pub(super) fn to_json(value: &impl Serialize) -> Vec<u8> {
    // It fails for maps with keys that are no text, and there are none.
    serde_json::to_vec(value).unwrap_or_default()
}

#[derive(Serialize)]
struct Failed {
    error: Problem,
}

/// An error of a file.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Problem {
    message: String,
    /// The clause that is broken.
    #[serde(skip_serializing_if = "Option::is_none")]
    clause: Option<&'static str>,
    /// Where: bytes from the start of the file.
    #[serde(skip_serializing_if = "Option::is_none")]
    offset: Option<u64>,
}

impl Problem {
    pub(super) fn of(error: &npy_object::Error) -> Problem {
        let clause = Some(error.clause());
        Problem { message: error.to_string(), clause, offset: error.offset() }
    }

    pub(super) fn of_failure(failure: &Failure) -> Problem {
        let text =
            |message: &str| Problem { message: message.to_owned(), clause: None, offset: None };
        match failure {
            Failure::Input(error) => Problem::of(error),
            Failure::Refused(why) | Failure::Usage(why) | Failure::Line(why) => text(why),
            Failure::Output(error) => text(&error.to_string()),
            Failure::Found(_) | Failure::Lost | Failure::Reported => {
                text("the report is incomplete")
            }
        }
    }
}
