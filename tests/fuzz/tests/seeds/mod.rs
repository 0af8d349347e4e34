//! Sound inputs of every target, from which the fuzzer goes astray.

use gongdan_core::document::TicketDoc;
use gongdan_core::ids::Part;
use gongdan_core::sync::changeset::encode_body;
use gongdan_core::sync::codec;
use gongdan_core::sync::wire::{decode_request, decode_response};
use gongdan_core::testing::{self, Author};
use gongdan_core::ticket::Command;
use gongdan_fuzz::intents;
use gongdan_fuzz::targets::import_xlsx;
use gongdan_tests::World;
use gongdan_tests::device::TestDevice;
use gongdan_tests::random::Random;
use gongdan_tests::world::{On, note};

const CSV: &str = include_str!("../../../../server/sample/requests.csv");
const GB18030: &[u8] = include_bytes!("../../../../server/sample/requests-gb18030.csv");

/// Target and bytes.
pub(crate) fn all() -> Vec<(&'static str, Vec<u8>)> {
    let mut seeds = Vec::new();
    exchanges(&mut seeds);
    changesets(&mut seeds);
    imports(&mut seeds);
    let mut random = Random::new(23);
    for (target, count, length) in [
        ("gate", 40, 300),
        ("phone_store", 12, 60),
        ("server_store", 12, 60),
        ("tus", 40, 200),
    ] {
        for _ in 0..count {
            let mut bytes = vec![0; 20 + random.below(length)];
            random.fill(&mut bytes);
            seeds.push((target, bytes));
        }
    }
    seeds
}

/// Requests and answers of a phone and of a device that spells everything out.
fn exchanges(seeds: &mut Vec<(&'static str, Vec<u8>)>) {
    let mut world = World::new(5);
    let phone = world.phone("W001", On::Memory);
    let mut exchange = |world: &mut World| {
        let body = world.phones[phone].next_request();
        let answer = world
            .office
            .sync(world.phones[phone].device(), &body)
            .unwrap();
        world.phones[phone].receive(&answer).unwrap();
        seeds.push(("request", body));
        seeds.push(("response", answer));
    };
    exchange(&mut world);
    let ticket = world.open_at_desk();
    world.desk(ticket, gongdan_tests::world::assign(&["W001"]));
    exchange(&mut world);
    world.act(phone, ticket, Command::Accept);
    world.act(
        phone,
        ticket,
        note("门口停车，电梯需刷卡，请提前半小时电话联系"),
    );
    world.open_on(phone);
    exchange(&mut world);
    world.desk(ticket, note("客户要求改期"));
    exchange(&mut world);
    exchange(&mut world);
    // A restored server is given back what it lost, a colleague's too.
    let backup = world.office.backup();
    world.act(phone, ticket, note("备份之后"));
    world.desk(ticket, note("备份之后的调度备注"));
    exchange(&mut world);
    world.office.restore(backup);
    world.phones[phone].replica().spell_out();
    exchange(&mut world);
    exchange(&mut world);
    let mut device = TestDevice::enrolled(&world.office, "W002", 9);
    let mut doc = TicketDoc::genesis(Part::Service);
    let one = device.changeset(
        testing::ticket(1),
        &mut doc,
        testing::at(0),
        vec![testing::open()],
        |_| {},
    );
    let two = device.changeset(
        testing::ticket(1),
        &mut doc,
        testing::at(9),
        vec![note("一"), note("二")],
        |header| header.replaces = Some(one.hash()),
    );
    let body = device.request(&[one, two]);
    assert!(decode_request(&body).is_ok());
    let answer = world.office.sync(device.identity.device, &body).unwrap();
    assert!(decode_response(&answer, |_| None).is_ok());
    seeds.push(("request", body));
    seeds.push(("response", answer));
    // The same uncompressed: the fuzzer finds its way in what it can read.
    let plain: Vec<_> = seeds
        .iter()
        .filter_map(|(target, body)| {
            let (structured, raw) = codec::unframe(body, codec::Bounds::RESPONSE).ok()?;
            let mut out = vec![b'G', b'D', 1, 0];
            let mut length = structured.len();
            while length >= 0x80 {
                out.push((length & 0x7f) as u8 | 0x80);
                length >>= 7;
            }
            out.push(length as u8);
            out.extend_from_slice(&structured);
            out.extend_from_slice(raw);
            Some((*target, out))
        })
        .collect();
    seeds.extend(plain);
    world.finish();
}

/// A body of every command, and whole changesets.
fn changesets(seeds: &mut Vec<(&'static str, Vec<u8>)>) {
    let mut random = Random::new(31);
    let mut author = Author::new(1);
    let at = testing::at(0);
    for code in 0..=31u8 {
        let mut bytes = vec![0; 400];
        random.fill(&mut bytes);
        bytes[0] = code;
        let mut u = arbitrary::Unstructured::new(&bytes);
        let command = intents::command(&mut u, &[]).unwrap();
        let body = encode_body(author.actor, 1, at, &[author.author(command)]);
        if body.len() < 4_000 {
            seeds.push(("changeset", body));
        }
    }
    let world = World::new(6);
    let mut device = TestDevice::enrolled(&world.office, "W002", 9);
    let mut doc = TicketDoc::genesis(Part::Service);
    let whole = device.changeset(
        testing::ticket(1),
        &mut doc,
        testing::at(0),
        vec![testing::open(), note("一")],
        |_| {},
    );
    seeds.push(("changeset", codec::encode(&whole)));
    world.finish();
}

fn imports(seeds: &mut Vec<(&'static str, Vec<u8>)>) {
    let lines: Vec<&str> = CSV.lines().collect();
    let head = |n: usize| lines[..n.min(lines.len())].join("\n").into_bytes();
    seeds.push(("import_csv", head(3)));
    seeds.push(("import_csv", head(8)));
    seeds.push(("import_csv", GB18030[..1_200.min(GB18030.len())].to_vec()));
    let wide: Vec<u8> = [0xff, 0xfe]
        .into_iter()
        .chain(
            lines[..2]
                .join("\n")
                .encode_utf16()
                .flat_map(u16::to_le_bytes),
        )
        .collect();
    seeds.push(("import_csv", wide));
    let header = ["客户姓名", "联系电话", "服务区域", "产品线", "问题描述"];
    let row = ["测试", "010-0000", "华东", "空调", "不制冷"];
    seeds.push(("import_xlsx", import_xlsx::content(&header, &row)));
    let mut book = rust_xlsxwriter::Workbook::new();
    let sheet = book.add_worksheet();
    for (column, (name, cell)) in header.iter().zip(row).enumerate() {
        sheet.write_string(0, column as u16, *name).unwrap();
        sheet.write_string(1, column as u16, cell).unwrap();
    }
    seeds.push(("import_xlsx", book.save_to_buffer().unwrap()));
}
