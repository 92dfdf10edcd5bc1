//! Tasks as CSV, for spreadsheets.

use api_types::Task;

/// The first line of the CSV.
const HEADER: &str =
    "id,title,description,status,priority,dueAt,labels,projectId,assigneeId,createdBy,createdAt,updatedAt\r\n";

/// CSV (RFC 4180) with a header line. Labels are separated by spaces, which no label has.
pub(crate) fn csv(tasks: &[Task]) -> String {
    let mut text = HEADER.to_owned();
    for task in tasks {
        let optional = |value: Option<String>| value.unwrap_or_default();
        let cells = [
            task.id.to_string(),
            cell(&task.title),
            cell(task.description.as_deref().unwrap_or_default()),
            task.status.to_string(),
            task.priority.to_string(),
            optional(task.due_at.map(|time| time.to_rfc3339())),
            task.labels.join(" "),
            optional(task.project_id.map(|id| id.to_string())),
            cell(task.assignee_id.as_deref().unwrap_or_default()),
            cell(&task.created_by),
            task.created_at.to_rfc3339(),
            task.updated_at.to_rfc3339(),
        ];
        text.push_str(&cells.join(","));
        text.push_str("\r\n");
    }
    text
}

/// Text as a cell. What a spreadsheet would take for a formula gets an apostrophe in front: the text was written by one user and is
/// opened by another (OWASP, "CSV Injection").
fn cell(text: &str) -> String {
    let guarded = if text.starts_with(['=', '+', '-', '@', '\t', '\r']) { format!("'{text}") } else { text.to_owned() };
    if guarded.contains(['"', ',', '\r', '\n']) { format!("\"{}\"", guarded.replace('"', "\"\"")) } else { guarded }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cells_are_quoted_and_are_no_formulas() {
        let cases = [
            ("plain", "plain"),
            ("a,b", "\"a,b\""),
            ("say \"hi\"", "\"say \"\"hi\"\"\""),
            ("two\nlines", "\"two\nlines\""),
            ("=1+1", "'=1+1"),
            ("@SUM(A1,A2)", "\"'@SUM(A1,A2)\""),
            ("", ""),
        ];
        for (text, expected) in cases {
            assert_eq!(cell(text), expected, "{text:?}");
        }
    }
}
