//! A file of requests as XLSX: the bytes as they are, or as the content of entries of an archive, so that a
//! change to a cell does not first have to pass a compressor's checksum.
//!
//! Promises: those of the CSV target; a panic of the library that reads workbooks does not leave the importer.

use std::fmt::Write;

use arbitrary::{Result, Unstructured};

/// Begins bytes that are content of entries instead of an archive.
pub const CONTENT: u8 = b'C';

/// Runs it once.
pub fn run(data: &[u8]) {
    crate::leave_panics_of("calamine");
    match data.split_first() {
        Some((&CONTENT, content)) => {
            if let Ok(archive) = archive(&mut Unstructured::new(content)) {
                super::import_csv::check(&archive);
            }
        }
        _ if data.starts_with(b"PK\x03\x04") => super::import_csv::check(data),
        _ => {}
    }
}

const TYPES: &str = r#"<Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types"><Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/><Default Extension="xml" ContentType="application/xml"/></Types>"#;
const RELS: &str = r#"<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships"><Relationship Id="rId1" Type="http://schemas.openxmlformats.org/officeDocument/2006/relationships/officeDocument" Target="xl/workbook.xml"/></Relationships>"#;
const BOOK: &str = r#"<workbook xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main" xmlns:r="http://schemas.openxmlformats.org/officeDocument/2006/relationships"><sheets><sheet name="S" sheetId="1" r:id="rId1"/></sheets></workbook>"#;
const SHARED: &str = r#"<sst xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main">"#;
const BOOK_RELS: &str = r#"<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships"><Relationship Id="rId1" Type="http://schemas.openxmlformats.org/officeDocument/2006/relationships/worksheet" Target="worksheets/sheet1.xml"/><Relationship Id="rId2" Type="http://schemas.openxmlformats.org/officeDocument/2006/relationships/sharedStrings" Target="sharedStrings.xml"/></Relationships>"#;

/// A stored (not compressed) archive with a sheet and shared strings of these bytes.
fn archive(u: &mut Unstructured<'_>) -> Result<Vec<u8>> {
    let shared = u.int_in_range(0..=u.len().min(2_000))?;
    let mut strings = SHARED.as_bytes().to_vec();
    strings.extend_from_slice(u.bytes(shared.min(u.len()))?);
    strings.extend_from_slice(b"</sst>");
    let sheet = u.take_rest_bytes();
    let entries: [(&str, &[u8]); 6] = [
        ("[Content_Types].xml", TYPES.as_bytes()),
        ("_rels/.rels", RELS.as_bytes()),
        ("xl/workbook.xml", BOOK.as_bytes()),
        ("xl/_rels/workbook.xml.rels", BOOK_RELS.as_bytes()),
        ("xl/sharedStrings.xml", &strings),
        ("xl/worksheets/sheet1.xml", sheet),
    ];
    Ok(stored(&entries))
}

trait Rest<'a> {
    fn take_rest_bytes(&mut self) -> &'a [u8];
}

impl<'a> Rest<'a> for Unstructured<'a> {
    fn take_rest_bytes(&mut self) -> &'a [u8] {
        self.bytes(self.len()).unwrap_or_default()
    }
}

/// A sheet with this header and one row below it, as content: what the target's seeds begin with.
pub fn content(header: &[&str], row: &[&str]) -> Vec<u8> {
    let mut sheet = String::from(
        r#"<worksheet xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"><sheetData>"#,
    );
    for (line, cells) in [header, row].into_iter().enumerate() {
        let line = line + 1;
        let _ = write!(sheet, r#"<row r="{line}">"#);
        for (column, cell) in cells.iter().enumerate() {
            let column = char::from(b'A' + column as u8);
            let _ = write!(
                sheet,
                r#"<c r="{column}{line}" t="inlineStr"><is><t>{cell}</t></is></c>"#
            );
        }
        sheet.push_str("</row>");
    }
    sheet.push_str("</sheetData></worksheet>");
    // First comes the shared strings' length: none.
    let mut out = vec![CONTENT, 0, 0];
    out.extend_from_slice(sheet.as_bytes());
    out
}

/// A ZIP archive without compression (APPNOTE 4.3).
fn stored(entries: &[(&str, &[u8])]) -> Vec<u8> {
    let (mut out, mut directory) = (Vec::new(), Vec::new());
    for (name, content) in entries {
        let offset = out.len() as u32;
        let mut common = Vec::new();
        for short in [20u16, 0, 0, 0, 0] {
            common.extend_from_slice(&short.to_le_bytes());
        }
        for long in [crc32(content), content.len() as u32, content.len() as u32] {
            common.extend_from_slice(&long.to_le_bytes());
        }
        common.extend_from_slice(&(name.len() as u16).to_le_bytes());
        common.extend_from_slice(&0u16.to_le_bytes());
        out.extend_from_slice(b"PK\x03\x04");
        out.extend_from_slice(&common);
        out.extend_from_slice(name.as_bytes());
        out.extend_from_slice(content);
        directory.extend_from_slice(b"PK\x01\x02\x14\x00");
        directory.extend_from_slice(&common);
        directory.extend_from_slice(&[0; 10]);
        directory.extend_from_slice(&offset.to_le_bytes());
        directory.extend_from_slice(name.as_bytes());
    }
    let (at, count) = (out.len() as u32, entries.len() as u16);
    out.extend_from_slice(&directory);
    out.extend_from_slice(b"PK\x05\x06\0\0\0\0");
    out.extend_from_slice(&count.to_le_bytes());
    out.extend_from_slice(&count.to_le_bytes());
    out.extend_from_slice(&(directory.len() as u32).to_le_bytes());
    out.extend_from_slice(&at.to_le_bytes());
    out.extend_from_slice(&[0, 0]);
    out
}

fn crc32(bytes: &[u8]) -> u32 {
    let mut crc = u32::MAX;
    for byte in bytes {
        crc ^= u32::from(*byte);
        for _ in 0..8 {
            crc = (crc >> 1) ^ (0xedb8_8320 & (0u32.wrapping_sub(crc & 1)));
        }
    }
    !crc
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test fails by panicking")]
    use super::*;

    /// Else the target would try nothing but the archive's own reader.
    #[test]
    fn content_becomes_a_workbook_that_the_importer_reads() {
        let header = ["客户姓名", "联系电话", "服务区域", "产品线", "问题描述"];
        let row = ["测试", "010-0000", "华东", "空调", "不制冷"];
        let content = content(&header, &row);
        let archive = archive(&mut Unstructured::new(&content[1..])).unwrap();
        let catalogue = gongdan_tests::office::organisation();
        let parsed =
            gongdan_server::import::parse(&archive, &catalogue, gongdan_core::testing::at(0))
                .unwrap();
        // The row is read as far as its region, which the catalogue does not know.
        assert!(parsed.errors.iter().all(|error| error.line == 2));
        assert_eq!(parsed.errors.len(), 2, "{parsed:?}");
    }
}
