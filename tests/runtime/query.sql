SELECT * FROM {rows}
