//! Chinese texts of a known mixture: 45 % of the characters come from stock phrases of after-sales service, the
//! rest are drawn evenly from common characters.
//!
//! The mixture decides what a compressor can save, so it is fixed here and tested. "Common characters" are the 3,755
//! of GB 2312 level 1 (rows 16 to 55), decoded rather than listed; drawn evenly they carry more information than
//! running text does, so every size measured with them is rather too large than too small.

use std::sync::LazyLock;

use rand::{Rng, seq::IndexedRandom, seq::SliceRandom};
use rand_chacha::ChaCha8Rng;

/// Share of the characters of every generated text that comes from [`STOCK_PHRASES`], in percent.
pub const STOCK_SHARE_PERCENT: usize = 45;

/// What people at a service desk and technicians write again and again.
pub const STOCK_PHRASES: [&str; 60] = [
    "客户反映",
    "无法正常启动",
    "开机后无反应",
    "运行时有异响",
    "显示屏不亮",
    "显示故障代码",
    "间歇性停机",
    "温度过高报警",
    "已断电重启",
    "重启后仍然存在",
    "已检查电源",
    "电源指示灯不亮",
    "网络连接中断",
    "数据无法上传",
    "按键失灵",
    "漏水",
    "漏油",
    "有焦糊味",
    "保险丝熔断",
    "线路接触不良",
    "传感器读数异常",
    "电机过热",
    "皮带松动",
    "滤芯堵塞",
    "压力不足",
    "制冷效果差",
    "主板损坏",
    "需更换配件",
    "等待配件到货",
    "配件已申领",
    "已更换新件",
    "更换后试机正常",
    "现场测试合格",
    "客户确认签字",
    "在保修期内",
    "已过保修期",
    "费用已告知客户",
    "客户同意报价",
    "客户要求尽快处理",
    "影响正常生产",
    "存在安全隐患",
    "请提前电话联系",
    "工作日均可上门",
    "周末不便",
    "需要两人作业",
    "需要登高作业",
    "已预约上门时间",
    "联系不上客户",
    "改约至次日",
    "已远程指导操作",
    "属于操作不当",
    "建议定期保养",
    "建议返厂维修",
    "设备安装环境潮湿",
    "使用约两年",
    "首次出现",
    "每天出现多次",
    "附照片",
    "待进一步观察",
    "问题已解决",
];

/// The 3,755 characters of GB 2312 level 1, in the order of the standard.
pub fn common_characters() -> &'static [char] {
    static CHARACTERS: LazyLock<Vec<char>> = LazyLock::new(|| {
        let mut encoded = Vec::new();
        for row in 0xB0..=0xD7_u8 {
            // The last row of level 1 ends five cells early.
            let last_cell = if row == 0xD7 { 0xF9 } else { 0xFE };
            for cell in 0xA1..=last_cell {
                encoded.extend([row, cell]);
            }
        }
        encoding_rs::GBK
            .decode_without_bom_handling(&encoded)
            .0
            .chars()
            .collect()
    });
    &CHARACTERS
}

/// One common character, drawn evenly.
pub(super) fn character(rng: &mut ChaCha8Rng) -> char {
    *common_characters()
        .choose(rng)
        .expect("the list of common characters is not empty")
}

/// A text of exactly `characters` characters in the mixture of this module, phrases and characters shuffled.
pub(super) fn mixed(rng: &mut ChaCha8Rng, characters: usize) -> String {
    let mut stock_left = characters * STOCK_SHARE_PERCENT / 100;
    let mut pieces: Vec<String> = Vec::new();
    while stock_left > 0 {
        let phrase = STOCK_PHRASES[rng.random_range(0..STOCK_PHRASES.len())];
        // The last phrase is cut where the share is reached.
        let piece: String = phrase.chars().take(stock_left).collect();
        stock_left -= piece.chars().count();
        pieces.push(piece);
    }
    let drawn = characters - characters * STOCK_SHARE_PERCENT / 100;
    pieces.extend((0..drawn).map(|_| character(rng).to_string()));
    pieces.shuffle(rng);
    pieces.concat()
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::SeedableRng;
    use std::collections::HashSet;

    #[test]
    fn common_characters_are_the_3755_of_level_one() {
        let characters = common_characters();
        assert_eq!(characters.len(), 3_755);
        assert_eq!(characters.iter().collect::<HashSet<_>>().len(), 3_755);
        assert_eq!((characters[0], characters[3_754]), ('啊', '座'));
        assert!(
            characters
                .iter()
                .all(|c| ('\u{4e00}'..='\u{9fff}').contains(c))
        );
    }

    #[test]
    fn stock_phrases_are_sixty_different_ones() {
        assert_eq!(STOCK_PHRASES.iter().collect::<HashSet<_>>().len(), 60);
    }

    #[test]
    fn a_text_has_exactly_the_length_asked_for() {
        let mut rng = ChaCha8Rng::seed_from_u64(1);
        for characters in [0, 1, 10, 40, 200] {
            assert_eq!(mixed(&mut rng, characters).chars().count(), characters);
        }
    }
}
