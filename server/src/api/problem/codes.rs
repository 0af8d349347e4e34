//! The registry of problems: every code that a problem document may have.
//!
//! Invariant: a code that is answered stands here (asserted where problems are made), is named by the
//! description of an answer in the OpenAPI document, and is brought about by a test over HTTP (a test of the
//! registry holds all three together). A code that was answered once keeps its meaning for ever.

/// All codes, in alphabetical order.
pub const CODES: &[&str] = &[
    "account_incomplete",
    "bad_signature",
    "blob_hash_mismatch",
    "blob_length_mismatch",
    "blob_too_large",
    "body_too_large",
    "denied",
    "device_quota",
    "device_revoked",
    "document_full",
    "field_not_here",
    "forbidden",
    "foreign_request",
    "internal",
    "invalid_certificate",
    "invalid_credentials",
    "invalid_device_name",
    "invalid_enrolment_code",
    "invalid_name",
    "invalid_passkey_name",
    "invalid_password",
    "invalid_person",
    "invalid_public_key",
    "invalid_reason",
    "invalid_second_factor",
    "invalid_signature",
    "key_already_enrolled",
    "lead_not_in_crew",
    "malformed_body",
    "malformed_request",
    "malformed_sync",
    "method_not_allowed",
    "misfit",
    "no_catalogue",
    "no_effect",
    "no_office_role",
    "no_role",
    "no_second_factor",
    "no_such_item",
    "not_admissible",
    "not_admitted",
    "not_an_act",
    "not_found",
    "not_lawful",
    "not_quarantined",
    "not_ready",
    "other_epoch",
    "own_account",
    "passkey_refused",
    "passkeys_unavailable",
    "password_common",
    "password_length",
    "password_needs_second_factor",
    "password_unchanged",
    "person_exists",
    "range_not_satisfiable",
    "request_timeout",
    "second_factor_required",
    "sheet_not_here",
    "shutting_down",
    "splice_outside",
    "step_up_required",
    "storage_full",
    "ticket_damaged",
    "too_many",
    "too_many_attempts",
    "too_many_incarnations",
    "too_many_uploads",
    "totp_exists",
    "unauthenticated",
    "unknown_code",
    "unknown_device",
    "unknown_group",
    "unknown_heads",
    "unknown_person",
    "unknown_product_line",
    "unknown_sheet",
    "unknown_ticket",
    "unknown_unit",
    "unresolved_reference",
    "unsupported_media_type",
    "unsupported_tus_version",
    "upload_offset_mismatch",
    "upload_superseded",
];

/// Whether a code is registered.
pub(super) fn is_registered(code: &str) -> bool {
    CODES.binary_search(&code).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_in_order_and_unique() {
        assert!(CODES.windows(2).all(|pair| pair[0] < pair[1]));
        assert!(is_registered("storage_full") && !is_registered("storage"));
    }
}
