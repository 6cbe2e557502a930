// SPDX-License-Identifier: MIT
#include "text_file.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "command.h"

enum { MAX_SIZE = 64 << 20 };

// Up to MAX_SIZE bytes, in a buffer that doubles; NULL without memory.
static char *read_all(FILE *file, size_t *size)
{
    size_t capacity = 0;
    char *text = NULL;
    *size = 0;
    do {
        capacity = capacity != 0 ? 2 * capacity : 1 << 16;
        char *grown = realloc(text, capacity);
        if (grown == NULL) {
            free(text);
            return NULL;
        }
        text = grown;
        *size += fread(text + *size, 1, capacity - *size, file);
    } while (*size == capacity && capacity < MAX_SIZE);
    return text;
}

static bool is_standard_input(const char *path)
{
    return strcmp(path, "-") == 0;
}

const char *text_file_name(const char *path)
{
    return is_standard_input(path) ? "standard input" : path;
}

char *text_file_read(const char *path, size_t *size)
{
    bool is_input = is_standard_input(path);
    FILE *file = is_input ? stdin : fopen(path, "rb");
    if (file == NULL) {
        complain(CODE_DEVICE, "%s cannot be opened: %s", path, strerror(errno));
        return NULL;
    }
    char *text = read_all(file, size);
    bool is_whole = text != NULL && !ferror(file) && *size < MAX_SIZE;
    if (!is_input)
        fclose(file);
    if (is_whole)
        return text;
    complain(CODE_DEVICE, "%s cannot be read, or is too large", text_file_name(path));
    free(text);
    return NULL;
}
