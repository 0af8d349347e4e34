//! Every limit, in one place. Units stand last in the names. Each is tested at the limit and one past it.

/// Bytes of an employee number.
pub const PERSON_ID_BYTES_MAX: usize = 32;
/// Bytes of an item key.
pub const ITEM_KEY_BYTES_MAX: usize = 16;
/// Characters (code points) of a short fact: names, models, reasons of a choice.
pub const SHORT_TEXT_CHARS_MAX: usize = 200;
/// Characters of a remark, note, reason or conclusion.
pub const LONG_TEXT_CHARS_MAX: usize = 2_000;
/// Characters of the problem text after all splices.
pub const PROBLEM_TEXT_CHARS_MAX: usize = 10_000;
/// Splices in one command.
pub const SPLICES_MAX: usize = 64;
/// Items in one collection of a document (notes, events, parts used, photos …).
pub const ITEMS_MAX: usize = 2_000;
/// Checklist answers in one command.
pub const ANSWERS_MAX: usize = 64;
/// People in a crew.
pub const CREW_MAX: usize = 20;
/// Reasons of a grade.
pub const GRADE_REASONS_MAX: usize = 8;
/// Strokes of one signature.
pub const STROKES_MAX: usize = 500;
/// Points of one signature, over all strokes.
pub const STROKE_POINTS_MAX: usize = 20_000;
/// People who sign one sheet.
pub const SIGNERS_MAX: usize = 8;
/// Attachments that one sheet is bound to beside the ticket's photos.
pub const SHEET_ATTACHMENTS_MAX: usize = 20;
/// Characters of the customer's remarks on a sheet.
pub const SHEET_REMARKS_CHARS_MAX: usize = 5_000;
/// Bytes of one sealed sheet: the largest content and the most ink come to less.
pub const SHEET_BYTES_MAX: usize = 2 * 1024 * 1024;
/// Bytes of one evidence file, its enclosed attachments included.
pub const EVIDENCE_FILE_BYTES_MAX: usize = 64 * 1024 * 1024;
/// Sheets that a correction may come after.
pub const EDITION_MAX: u32 = 1_000;
/// Quantity of one part used.
pub const QUANTITY_MAX: u32 = 100_000;
/// An amount of money, in fen (0.01 CNY).
pub const AMOUNT_FEN_MAX: i64 = 10_000_000_000;
/// Bytes of one encoded command.
pub const COMMAND_BYTES_MAX: usize = 256 * 1024;
/// Commands in one changeset.
pub const CHANGESET_COMMANDS_MAX: usize = 500;
/// Bytes of one changeset's body.
pub const CHANGESET_BYTES_MAX: usize = 512 * 1024;
/// Heads a changeset may rest on.
pub const BASE_HEADS_MAX: usize = 64;
/// Changesets in one request.
pub const REQUEST_CHANGESETS_MAX: usize = 1_000;
/// Changesets that a server takes from one device on one day.
pub const DEVICE_DAY_CHANGESETS_MAX: i64 = 200_000;
/// Bytes of changesets' bodies that a server takes from one device on one day.
pub const DEVICE_DAY_BYTES_MAX: i64 = 64 * 1024 * 1024;
/// What a phone puts into one request, in bytes of changesets before compression; one changeset may pass it.
/// A phone's memory, one radio burst, and well within what the server takes.
pub const REQUEST_BYTES_AIM: usize = 1024 * 1024;
/// Bytes of a request before decompression.
pub const REQUEST_BYTES_MAX: usize = 2 * 1024 * 1024;
/// Bytes of a request after decompression.
pub const REQUEST_PLAIN_BYTES_MAX: usize = 2 * 1024 * 1024;
/// Bytes of a response before decompression, and after: the largest ticket alone fits.
pub const RESPONSE_BYTES_MAX: usize = 16 * 1024 * 1024;
/// Verdicts in one response, those that a run stands for counted one by one.
pub const RESPONSE_VERDICTS_MAX: usize = 20_000;
/// zstd window a decoder accepts, as a power of two of bytes.
pub const ZSTD_WINDOW_LOG_MAX: u32 = 23;
/// What each byte of a zstd frame may stand for at most, beyond [`RATIO_FREE_BYTES`].
pub const RATIO_MAX: usize = 1_000;
/// Bytes that a zstd frame may stand for whatever its length.
pub const RATIO_FREE_BYTES: usize = 64 * 1024;
/// Arrays within arrays in CBOR.
pub const NESTING_MAX: usize = 16;
/// Data items (RFC 8949) of one request: what decoding it may come to.
pub const REQUEST_ITEMS_MAX: usize = 100_000;
/// Data items of one response.
pub const RESPONSE_ITEMS_MAX: usize = 1_000_000;
/// Data items of the commands of one changeset. A phone seals no more bytes than that together, and an item
/// has one at least.
pub const CHANGESET_ITEMS_MAX: usize = CHANGESET_BYTES_MAX / 2;
/// Bytes of one compressed page of a response.
pub const PAGE_BYTES_MAX: usize = 128 * 1024;
/// Bytes of one part's document, not compressed. Snapshots travel so, and what a server or a device holds in
/// memory grows with it; three parts fit one response. Compressed, it may be a thousandth on the disk.
pub const DOCUMENT_BYTES_MAX: usize = 4 * 1024 * 1024;
/// Bytes of one attachment.
pub const BLOB_BYTES_MAX: u64 = 200 * 1024 * 1024;
/// Seconds a claimed time may lie ahead of the receipt before it is flagged.
pub const CLOCK_AHEAD_SECONDS_MAX: i64 = 24 * 3600;

/// Names that one phone goes on under after its first: it is put back to a backup a few times in its life.
pub const INCARNATIONS_MAX: usize = 50;

/// Certificates in one request, of devices whose changesets go along.
pub const CERTIFICATES_MAX: usize = 200;
