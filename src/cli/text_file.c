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

char *text_file_read(const char *path, size_t *size)
{
    bool is_input = strcmp(path, "-") == 0;
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
    complain(CODE_DEVICE, "%s cannot be read, or is too large", path);
    free(text);
    return NULL;
}
