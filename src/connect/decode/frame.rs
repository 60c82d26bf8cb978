//! A document and those around it: what decoding one event may look at.

use serde_json::Value;

/// What a document is, by its looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Form {
    /// A list of documents.
    List,
    /// CloudEvents 1.0, structured; also what the headers of a binary one are put together to.
    CloudEvent,
    /// An event of EventBridge.
    EventBridge,
    /// A notification of SNS.
    Sns,
    /// `Records` of S3 or DynamoDB.
    Records,
    /// One of S3's `Records`.
    S3Record,
    /// The `detail` that S3 gives to EventBridge.
    S3Detail,
    /// A change record of a DynamoDB stream.
    DynamoDb,
    /// A change record of Debezium around its schema and its payload.
    DebeziumSchema,
    /// A change record of Debezium.
    Debezium,
    /// Anything else: an event in Larder's own words, or in its producer's.
    Plain,
}

/// A document, and the way from the outermost one to it.
#[derive(Debug)]
pub(super) struct Frame<'a> {
    /// The document.
    pub(super) document: &'a Value,
    /// What it is.
    pub(super) form: Form,
    /// The document that it stands in.
    pub(super) outer: Option<&'a Frame<'a>>,
    /// Where in `outer` it stands.
    pub(super) pointer: &'static str,
    /// Which element of the list there it is.
    pub(super) index: Option<usize>,
}

impl<'a> Frame<'a> {
    /// This document and those around it, the innermost first.
    pub(super) fn outwards(&'a self) -> impl Iterator<Item = &'a Frame<'a>> {
        std::iter::successors(Some(self), |frame| frame.outer)
    }

    /// The pointer to this document from the outermost one.
    pub(super) fn location(&self) -> String {
        let mut location = self.outer.map(Frame::location).unwrap_or_default();
        location.push_str(self.pointer);
        if let Some(index) = self.index {
            location.push_str(&format!("/{index}"));
        }
        location
    }

    /// A member of the document, if it is an object and has it; null counts as none.
    pub(super) fn member(&self, name: &str) -> Option<&'a Value> {
        self.document.get(name).filter(|value| !value.is_null())
    }

    /// A member that is a text.
    pub(super) fn text(&self, name: &str) -> Option<&'a str> {
        self.document.get(name).and_then(Value::as_str)
    }

    /// Whether this is a change record, or stands in one, that says that something was deleted.
    pub(super) fn is_deletion(&'a self) -> bool {
        self.outwards().any(|frame| match frame.form {
            Form::Debezium => frame.text("op") == Some("d"),
            Form::DynamoDb => frame.text("eventName") == Some("REMOVE"),
            _ => false,
        })
    }

    /// Whether there is a DynamoDB change record among the documents.
    pub(super) fn has_typed_values(&'a self) -> bool {
        self.outwards().any(|frame| frame.form == Form::DynamoDb)
    }
}
