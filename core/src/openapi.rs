//! How ids and instants stand in JSON, for the API's description (feature `openapi`).
//!
//! Invariant: what is described is what the types serialise as; the server's tests compare.

use utoipa::openapi::RefOr;
use utoipa::openapi::schema::{ObjectBuilder, Schema, SchemaFormat, SchemaType, Type};
use utoipa::{PartialSchema, ToSchema};

use crate::clock::Timestamp;
use crate::ids::{
    ActorId, BlobHash, ChangeHash, ChangesetHash, DeviceId, ItemKey, PersonId, SheetHash, TicketId,
    TicketNumber,
};

/// A field's value under a name of its own: a type called `Value` is taken for any JSON by the derive.
pub(crate) type Scalar = crate::ticket::Value;

macro_rules! texts {
    ($($name:ident $description:literal $($restrict:ident($rule:expr))?;)*) => { $(
        impl PartialSchema for $name {
            fn schema() -> RefOr<Schema> {
                ObjectBuilder::new()
                    .schema_type(SchemaType::new(Type::String))
                    .description(Some($description))
                    $(.$restrict(Some($rule)))?
                    .into()
            }
        }
        impl ToSchema for $name {}
    )* };
}

fn format(name: &str) -> SchemaFormat {
    SchemaFormat::Custom(name.to_owned())
}

texts! {
    TicketId "A ticket, by the UUID that the device made which opened it." format(format("uuid"));
    DeviceId "A device." format(format("uuid"));
    PersonId "Employee number." pattern("^[A-Za-z0-9-]{1,32}$");
    ItemKey "Key of an item in a collection." pattern("^[A-Za-z0-9]{1,16}$");
    ActorId "Who wrote, in the document's sense; never a person." pattern("^[0-9a-f]{32}$");
    ChangeHash "SHA-256 of a change, or of what was shown." pattern("^[0-9a-f]{64}$");
    ChangesetHash "SHA-256 that names a changeset." pattern("^[0-9a-f]{64}$");
    BlobHash "SHA-256 of an attachment's bytes." pattern("^[0-9a-f]{64}$");
    SheetHash "SHA-256 that names a signed sheet." pattern("^[0-9a-f]{64}$");
    TicketNumber "`FW`, the intake's local date, and at least four digits." pattern("^FW[0-9]{12,}$");
    Timestamp "An instant in whole seconds, RFC 3339." format(format("date-time"));
}

impl PartialSchema for Scalar {
    fn schema() -> RefOr<Schema> {
        ObjectBuilder::new()
            .schema_type(SchemaType::from_iter([Type::String, Type::Integer, Type::Null]))
            .description(Some(
                "A field's value: a text, a choice's code, a date (`YYYY-MM-DD`), an instant (RFC 3339), a whole \
                 number, or `null` for an emptied field.",
            ))
            .into()
    }
}
impl ToSchema for Scalar {}
