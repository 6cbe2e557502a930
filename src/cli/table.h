// SPDX-License-Identifier: MIT
// Aligned tables of text. On a terminal that is too narrow the last column is wrapped.
#ifndef GYRE_CLI_TABLE_H
#define GYRE_CLI_TABLE_H

#include <stddef.h>

#include "term.h"

struct table;

// Headers separated by '|'; one that begins with '>' heads a column aligned to the right. NULL
// without memory, which the functions below accept.
struct table *table_create(const char *headers);
void table_destroy(struct table *table);

// The next cell, row by row.
__attribute__((format(printf, 3, 4))) void table_cell(struct table *table, enum style style,
                                                      const char *format, ...);
// A line of its own before the next row, not aligned with anything.
__attribute__((format(printf, 2, 3))) void table_heading(struct table *table, const char *format,
                                                         ...);

// Prints nothing when there is no row.
void table_print(const struct table *table, FILE *out);

#endif
