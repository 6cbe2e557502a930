// SPDX-License-Identifier: MIT
#include "table.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_COLUMNS = 16, MAX_CELL = 320, GAP = 2, MIN_WRAP = 16 };

struct cell {
    char *text;
    char *heading; // printed before the row that this cell begins; NULL: none
    enum style style;
};

struct table {
    size_t n_columns, n_cells, capacity;
    bool is_right[MAX_COLUMNS];
    struct cell *cells; // (rows, n_columns); the first row is the headers
    char *heading;      // of the next row
};

// Takes the text, which is malloc'ed.
static void add(struct table *table, enum style style, char *text)
{
    if (table->n_cells == table->capacity) {
        size_t capacity = table->capacity != 0 ? 2 * table->capacity : 64;
        struct cell *grown = realloc(table->cells, capacity * sizeof(*grown));
        if (grown == NULL) {
            free(text);
            return;
        }
        table->cells = grown;
        table->capacity = capacity;
    }
    table->cells[table->n_cells++] = (struct cell){text, table->heading, style};
    table->heading = NULL;
}

struct table *table_create(const char *headers)
{
    struct table *table = calloc(1, sizeof(*table));
    while (table != NULL && table->n_columns < MAX_COLUMNS) {
        bool is_right = *headers == '>';
        headers += is_right;
        size_t length = strcspn(headers, "|");
        table->is_right[table->n_columns++] = is_right;
        add(table, STYLE_DIM, strndup(headers, length));
        if (headers[length] == '\0')
            break;
        headers += length + 1;
    }
    return table;
}

void table_destroy(struct table *table)
{
    if (table == NULL)
        return;
    for (size_t i = 0; i < table->n_cells; i++) {
        free(table->cells[i].text);
        free(table->cells[i].heading);
    }
    free(table->heading);
    free(table->cells);
    free(table);
}

// malloc'ed, and cut to what a cell holds.
static char *format_text(const char *format, va_list args)
{
    char text[MAX_CELL];
    vsnprintf(text, sizeof(text), format, args);
    return strdup(text);
}

void table_cell(struct table *table, enum style style, const char *format, ...)
{
    va_list args;
    if (table == NULL)
        return;
    va_start(args, format);
    add(table, style, format_text(format, args));
    va_end(args);
}

void table_heading(struct table *table, const char *format, ...)
{
    va_list args;
    if (table == NULL)
        return;
    free(table->heading);
    va_start(args, format);
    table->heading = format_text(format, args);
    va_end(args);
}

static const char *text_of(const struct table *table, size_t row, size_t column)
{
    size_t i = row * table->n_columns + column;
    return i < table->n_cells && table->cells[i].text != NULL ? table->cells[i].text : "";
}

static size_t width_of(const struct table *table, size_t column)
{
    size_t width = 0;
    for (size_t row = 0; row * table->n_columns < table->n_cells; row++) {
        size_t length = strlen(text_of(table, row, column));
        width = length > width ? length : width;
    }
    return width;
}

static void put(FILE *out, enum style how, const char *text, size_t length)
{
    bool is_styled = how != STYLE_NONE && length > 0;
    fprintf(out, "%s%.*s%s", is_styled ? style(out, how) : "", (int)length, text,
            is_styled ? style(out, STYLE_NONE) : "");
}

// The last cell, in lines of at most `room` characters broken at spaces, each but the first
// indented.
static void put_wrapped(FILE *out, enum style how, const char *text, size_t room, size_t indent)
{
    while (strlen(text) > room) {
        size_t length = room;
        while (length > 0 && text[length] != ' ')
            length--;
        if (length == 0)
            length = room;
        put(out, how, text, length);
        fprintf(out, "\n%*s", (int)indent, "");
        text += length;
        text += strspn(text, " ");
    }
    put(out, how, text, strlen(text));
}

static void print_row(const struct table *table, size_t row, const size_t *widths, size_t room,
                      FILE *out)
{
    size_t indent = 0, last = table->n_columns - 1;
    const char *heading = table->cells[row * table->n_columns].heading;
    if (heading != NULL) {
        put(out, STYLE_BOLD, heading, strlen(heading));
        fputc('\n', out);
    }
    for (size_t column = 0; column <= last; column++) {
        const char *text = text_of(table, row, column);
        enum style how = table->cells[row * table->n_columns + column].style;
        int pad = (int)(widths[column] - strlen(text));
        if (column == last && !table->is_right[column]) {
            put_wrapped(out, how, text, room, indent);
            break;
        }
        fprintf(out, "%*s", table->is_right[column] ? pad : 0, "");
        put(out, how, text, strlen(text));
        if (column < last)
            fprintf(out, "%*s", (table->is_right[column] ? 0 : pad) + GAP, "");
        indent += widths[column] + GAP;
    }
    fputc('\n', out);
}

void table_print(const struct table *table, FILE *out)
{
    size_t widths[MAX_COLUMNS], before_last = 0, terminal = (size_t)term_width(out);
    if (table == NULL || table->n_cells <= table->n_columns)
        return;
    for (size_t column = 0; column < table->n_columns; column++) {
        widths[column] = width_of(table, column);
        before_last += column + 1 < table->n_columns ? widths[column] + GAP : 0;
    }
    size_t room = terminal == 0 ? MAX_CELL : MIN_WRAP;
    if (terminal > before_last + MIN_WRAP)
        room = terminal - before_last;
    for (size_t row = 0; (row + 1) * table->n_columns <= table->n_cells; row++)
        print_row(table, row, widths, room, out);
}
