// The page's own words. What models say of their fields is theirs, in the language of their contracts.

const CHINESE = {
  "Models": "模型", "Skip to content": "跳到正文", "Sign in": "登录", "Sign out": "退出", "Language": "语言",
  "API reference": "接口文档", "Loading…": "正在加载……", "ready": "可用", "broken": "损坏", "unknown": "未知",
  "unpromoted": "未上线", "simulated data": "模拟数据", "canary": "金丝雀", "shadow": "影子", "production": "生产",
  "against": "对比基线", "Nothing is published yet. `maas train --all --promote` trains and publishes the models.": "还没有发布任何模型。运行 `maas train --all --promote` 进行训练并发布。",
  "Try it": "试用", "Card": "模型卡", "Versions": "版本", "Drift": "漂移", "Files": "文件", "Cost": "费用",
  "Input": "输入", "Answer": "结果", "Example": "示例", "Predict": "预测", "Clear": "清空", "optional": "可选",
  "More fields": "更多字段", "leave out": "不填", "yes": "是", "no": "否", "What is wrong": "错误",
  "The answer appears here.": "结果显示在这里。", "Why": "解释", "Explaining…": "正在解释……",
  "No explanation: {reason}": "无法解释：{reason}", "version": "版本", "the call took {ms} ms": "耗时 {ms} 毫秒",
  "The same call": "同样的调用", "Copy": "复制", "Copied.": "已复制。",
  "Draw with mouse, finger or the arrow keys (space: pen up or down).": "用鼠标、手指或方向键书写（空格：抬笔/落笔）。",
  "Drawing": "手写板", "or a picture": "或上传图片", "Picture": "图片", "Choose a PNG or JPEG picture.": "请选择 PNG 或 JPEG 图片。",
  "Values, separated by commas; a dash for a missing one": "数值以逗号分隔，缺失用短横线", "row": "行",
  "the detector": "本检测器", "neighbour {n}": "邻近 {n}", "{n} min ago": "{n} 分钟前",
  "raises": "升高", "lowers": "降低", "base value": "基准值", "without it all": "不含任何字段", "prediction": "预测值",
  "Contributions": "各字段的贡献", "Contribution of each field; the whisker is the sampling error.": "每个字段的贡献；须线为抽样误差。",
  "Where the picture speaks for the answer": "图片中支持该结果的部分", "Words for and against": "支持与反对的词",
  "Method": "方法", "Scores on held-out data": "留出数据上的得分", "metric": "指标", "this version": "此版本", "baseline": "基线",
  "Tried in cross-validation": "交叉验证中的候选", "Importance of the fields": "字段重要性", "Made from": "来源",
  "data": "数据", "rows": "行数", "period": "时间范围", "trained": "训练时间", "size": "大小", "features": "特征数", "libraries": "程序库",
  "limits": "局限", "Takes": "输入字段", "field": "字段", "type": "类型", "unit": "单位", "bounds": "范围", "meaning": "含义", "Gives": "输出字段",
  "role": "角色", "created": "创建时间", "No version is in production.": "没有版本上线。", "share of calls": "调用占比",
  "History": "历史", "move": "动作", "when": "时间", "who": "操作者", "reason": "原因",
  "promote": "上线", "rollback": "回滚", "withdraw": "撤回",
  "Nothing was compared yet. The monitor runs where capture is switched on; docs/monitoring.md says how.": "尚无比较结果。开启采样后监控才会运行，参见 docs/monitoring.md。",
  "Largest distance from training, as a share of its limit": "与训练数据的最大差异（占阈值的比例）", "share of the limit": "占阈值比例", "window": "窗口", "status": "状态", "feature": "特征", "drifted": "漂移", "quiet": "正常",
  "Score a whole file": "批量预测", "A CSV or JSON Lines file, one record a row, with the names of the input fields.": "CSV 或 JSON Lines 文件，每行一条记录，列名为输入字段名。",
  "File": "文件", "Upload and score": "上传并预测", "uploading": "上传中", "waiting": "等待中", "running": "运行中", "publishing": "发布中", "done": "完成", "failed": "失败", "replaced": "已被替换",
  "result": "结果", "rejects": "被拒绝的行", "report": "报告", "error": "错误", "{scored} rows scored, {rejected} rejected": "已预测 {scored} 行，拒绝 {rejected} 行",
  "Stop watching": "停止查看", "Example file": "示例文件",
  "Milliseconds per call": "每次调用毫秒数", "Calls per month": "每月调用次数", "Estimate": "估算",
  "per 1,000 predictions": "每千次预测", "a month": "每月", "nobody calls": "无人调用", "an always-on server": "常开的服务器",
  "The server would be cheaper from {calls} calls a month.": "每月超过 {calls} 次调用时，常开服务器更便宜。", "List prices of {prices}; an estimate, not a bill.": "按 {prices} 的目录价估算，并非账单。",
  "The duration is that of your last call here, or a guess until you make one.": "时长取自您在此页的最近一次调用；尚无调用时为假设值。",
  "Access key": "访问密钥 ID", "Secret key": "私有密钥", "Session token": "会话令牌", "Token": "令牌", "Log in": "登录", "Cancel": "取消",
  "Kept in this tab only, until it is closed.": "仅保存在此标签页中，关闭即失效。", "This stack asks who you are.": "此服务需要身份验证。",
  "{name} does not answer.": "{name} 没有响应。", "There is nothing at this address.": "此地址没有内容。", "Back to the models": "返回模型列表", "average": "平均",
};

const DICTIONARIES = { en: {}, zh: CHINESE };
let dictionary = {};

export const LANGUAGES = { en: "English", zh: "中文" };

export function choose(language) {
  const known = language in DICTIONARIES ? language : "en";
  dictionary = DICTIONARIES[known];
  document.documentElement.lang = known === "zh" ? "zh-CN" : "en";
  return known;
}

export function t(text, values = {}) {
  const found = dictionary[text] ?? text;
  return found.replace(/\{(\w+)\}/g, (_, name) => values[name] ?? "");
}
