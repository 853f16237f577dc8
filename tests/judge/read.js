// What postal-mime and mailparser read in mails: a JSON array of base64 on standard input, and on
// standard output an array of {reader: reading}, in the shape of Reading in reading.py.
import { createRequire } from "node:module";
import { readFileSync } from "node:fs";

// The packages lie in a build folder, not beside this file.
const require = createRequire(process.argv[2] + "/package.json");
const PostalMime = require("postal-mime").default ?? require("postal-mime");
const { simpleParser } = require("mailparser");

const ids = (value) =>
  [value ?? []].flat().flatMap((one) => one.match(/<[^<>]*>/g) ?? []);

const instant = (date) => {
  const read = new Date(date ?? "");
  return isNaN(read) ? "" : read.toISOString();
};

const attachment = (name, id, type, content) => ({
  name: name ?? "",
  content_id: (id ?? "").replace(/^<|>$/g, ""),
  type,
  octets: Buffer.from(content).toString("base64"),
});

async function postalMime(raw) {
  const mail = await PostalMime.parse(raw, { attachmentEncoding: "arraybuffer" });
  const from = mail.from?.group ? mail.from.group[0] : mail.from;
  return {
    name: from?.name ?? "",
    address: from?.address ?? "",
    subject: mail.subject ?? "",
    date: instant(mail.date),
    message_id: ids(mail.messageId)[0] ?? "",
    in_reply_to: ids(mail.inReplyTo),
    references: ids(mail.references),
    text: mail.text ?? "",
    html: mail.html ?? "",
    attachments: mail.attachments.map((one) =>
      attachment(one.filename, one.contentId, one.mimeType, one.content),
    ),
  };
}

async function mailparser(raw) {
  const mail = await simpleParser(raw, {
    skipHtmlToText: true,
    skipTextToHtml: true,
    skipImageLinks: true,
    skipTextLinks: true,
    keepCidLinks: true,
  });
  const first = mail.from?.value?.[0];
  const from = first?.group ? first.group[0] : first;
  return {
    name: from?.name ?? "",
    address: from?.address ?? "",
    subject: mail.subject ?? "",
    date: mail.headers.has("date") ? instant(mail.date) : "",
    message_id: ids(mail.messageId)[0] ?? "",
    in_reply_to: ids(mail.inReplyTo),
    references: ids(mail.references),
    text: mail.text ?? "",
    html: mail.html || "",
    attachments: mail.attachments.map((one) =>
      attachment(one.filename, one.contentId, one.contentType, one.content),
    ),
  };
}

const readings = [];
for (const mail of JSON.parse(readFileSync(0, "utf8"))) {
  const raw = Buffer.from(mail, "base64");
  readings.push({ "postal-mime": await postalMime(raw), mailparser: await mailparser(raw) });
}
process.stdout.write(JSON.stringify(readings));
