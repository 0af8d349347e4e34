//! The words that fields of the standard work are drawn from: codes of the document's choices, and names of places.

pub(super) const TICKET_TYPES: [&str; 4] = ["repair", "support", "maintenance", "consulting"];
pub(super) const CHANNELS: [&str; 5] = ["phone", "email", "online", "on_site", "chat"];
pub(super) const MODES: [&str; 3] = ["remote", "on_site", "return_to_factory"];
pub(super) const REGIONS: [&str; 6] = ["jinan", "qingdao", "yantai", "weifang", "linyi", "zibo"];
pub(super) const LINES: [&str; 8] = [
    "compressor",
    "chiller",
    "pump",
    "boiler",
    "fan",
    "purifier",
    "dryer",
    "controller",
];
pub(super) const RECORDS: [&str; 3] = ["matched", "mismatched", "unknown"];
pub(super) const WARRANTIES: [&str; 3] = ["inside", "outside", "unknown"];
pub(super) const SITES: [&str; 3] = ["济南一厂", "济南二厂", "青岛厂"];
pub(super) const FREQUENCIES: [&str; 3] = ["once", "intermittent", "constant"];
pub(super) const GRADES: [&str; 3] = ["A", "B", "C"];
pub(super) const IMPACTS: [&str; 5] = ["unusable", "safety", "core_business", "degraded", "slight"];
pub(super) const GROUPS: [&str; 4] = ["east", "west", "north", "south"];
pub(super) const KINDS: [&str; 2] = ["individual", "enterprise"];
/// What serial numbers are made of: no letter that reads like a digit.
pub(super) const SERIAL_CHARACTERS: &[u8; 32] = b"23456789ABCDEFGHJKLMNPQRSTUVWXYZ";
pub(super) const SURNAMES: [char; 20] = [
    '王', '李', '张', '刘', '陈', '杨', '赵', '黄', '周', '吴', '徐', '孙', '胡', '朱', '高', '林',
    '何', '郭', '马', '罗',
];
pub(super) const CITIES: [&str; 6] = ["济南市", "青岛市", "烟台市", "潍坊市", "临沂市", "淄博市"];
pub(super) const DISTRICTS: [&str; 10] = [
    "历下区",
    "市中区",
    "槐荫区",
    "市南区",
    "芝罘区",
    "奎文区",
    "兰山区",
    "张店区",
    "高新区",
    "开发区",
];
pub(super) const ROADS: [&str; 16] = [
    "人民路",
    "解放路",
    "和平路",
    "建设路",
    "中山路",
    "工业南路",
    "经十路",
    "新华大街",
    "胜利东路",
    "科技路",
    "文化路",
    "长江路",
    "黄河路",
    "泰山路",
    "青年路",
    "迎宾大道",
];
pub(super) const TRADES: [&str; 8] = [
    "机械制造",
    "食品",
    "纺织",
    "化工",
    "医药",
    "电子科技",
    "物流",
    "建材",
];
pub(super) const MAIL_DOMAINS: [&str; 4] = ["163.com", "qq.com", "126.com", "sina.com"];
