//! CBOR in diagnostic notation (RFC 8949 §8), as far as this protocol uses it.

use gongdan_web::golden::hex;
use minicbor::Decoder;
use minicbor::data::Type;
use minicbor::decode::Error;

/// The one item that `bytes` hold.
///
/// # Panics
/// They hold something else, or a type that the protocol does not use.
pub fn diagnostic(bytes: &[u8]) -> String {
    let mut decoder = Decoder::new(bytes);
    let text = item(&mut decoder).expect("well-formed CBOR");
    assert_eq!(decoder.position(), bytes.len(), "one item");
    text
}

fn item(d: &mut Decoder<'_>) -> Result<String, Error> {
    Ok(match d.datatype()? {
        Type::U8
        | Type::U16
        | Type::U32
        | Type::U64
        | Type::I8
        | Type::I16
        | Type::I32
        | Type::I64
        | Type::Int => d.int()?.to_string(),
        Type::Bytes => format!("h'{}'", hex(d.bytes()?)),
        Type::String => format!("{:?}", d.str()?),
        Type::Bool => d.bool()?.to_string(),
        Type::Null => {
            d.null()?;
            "null".to_owned()
        }
        Type::Array => {
            let count = d.array()?.unwrap_or(0);
            let items: Result<Vec<_>, _> = (0..count).map(|_| item(d)).collect();
            format!("[{}]", items?.join(", "))
        }
        other => panic!("{other} is not used by the protocol"),
    })
}
