// SPDX-License-Identifier: MIT
#define _GNU_SOURCE // secure_getenv: a kernel's text is code
#include "source.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

#include "kernel_texts.h"
#include "log.h"

enum { MAX_FILES = 32, MAX_PATH = 512 };

// A text under construction, and the files already in it.
struct flattened {
    const struct gyre_log *log;
    char *text;
    size_t size;
    char seen[MAX_FILES][MAX_PATH];
    size_t n_seen;
};

static char *read_override(const char *path)
{
    const char *dir = secure_getenv("GYRE_KERNEL_DIR");
    if (dir == NULL || *dir == '\0')
        return NULL;
    // Kernels live at the top of the project, argument structs in its src/.
    char full[2 * MAX_PATH];
    snprintf(full, sizeof(full), "%s/%s", dir, path);
    FILE *file = fopen(full, "rb");
    if (file == NULL)
        return NULL;
    char *text = NULL;
    size_t size = 0;
    FILE *memory = open_memstream(&text, &size);
    char chunk[4096];
    for (size_t n; memory != NULL && (n = fread(chunk, 1, sizeof(chunk), file)) > 0;)
        fwrite(chunk, 1, n, memory);
    if (memory != NULL)
        fclose(memory);
    fclose(file);
    return text;
}

// The file's text, malloc'ed; NULL when there is none.
static char *file_text(const char *path)
{
    char *text = read_override(path);
    for (const struct gyre_kernel_text *t = gyre_kernel_texts; text == NULL && t->path; t++)
        if (strcmp(t->path, path) == 0)
            text = strdup(t->text);
    return text;
}

static bool append(struct flattened *out, const char *text, size_t size)
{
    char *grown = realloc(out->text, out->size + size + 1);
    if (grown == NULL)
        return false;
    memcpy(grown + out->size, text, size);
    out->size += size;
    grown[out->size] = '\0';
    out->text = grown;
    return true;
}

// Where an include leads: kernels say "args/NAME.h" (in src/) or name a file beside them.
static void resolve(const char *from, const char *name, size_t length, char path[MAX_PATH])
{
    const char *slash = strrchr(from, '/');
    int dir = slash ? (int)(slash - from) + 1 : 0;
    if (strncmp(name, "args/", 5) == 0)
        snprintf(path, MAX_PATH, "src/%.*s", (int)length, name);
    else
        snprintf(path, MAX_PATH, "%.*s%.*s", dir, from, (int)length, name);
}

static enum gyre_status append_file(struct flattened *out, const char *path);

static enum gyre_status append_line(struct flattened *out, const char *from, const char *line,
                                    size_t length)
{
    static const char include[] = "#include \"";
    size_t start = sizeof(include) - 1;
    if (length <= start || strncmp(line, include, start) != 0)
        return append(out, line, length) ? GYRE_OK : GYRE_NO_MEMORY;
    const char *end = memchr(line + start, '"', length - start);
    if (end == NULL)
        return gyre_fail(out->log, GYRE_COMPILE, "%s: unfinished include", from);
    char path[MAX_PATH];
    resolve(from, line + start, (size_t)(end - line) - start, path);
    return append_file(out, path);
}

static bool mark_seen(struct flattened *out, const char *path)
{
    for (size_t i = 0; i < out->n_seen; i++)
        if (strcmp(out->seen[i], path) == 0)
            return false;
    if (out->n_seen < MAX_FILES)
        snprintf(out->seen[out->n_seen++], MAX_PATH, "%s", path);
    return true;
}

static enum gyre_status append_file(struct flattened *out, const char *path)
{
    if (!mark_seen(out, path))
        return GYRE_OK;
    char *text = file_text(path);
    if (text == NULL)
        return gyre_fail(out->log, GYRE_COMPILE, "no kernel source %s", path);
    enum gyre_status status = GYRE_OK;
    for (const char *line = text; status == GYRE_OK && *line != '\0';) {
        const char *newline = strchr(line, '\n');
        size_t length = newline ? (size_t)(newline - line) + 1 : strlen(line);
        status = append_line(out, path, line, length);
        line += length;
    }
    free(text);
    return status;
}

enum gyre_status gyre_source_get(const struct gyre_log *log, const char *path, char **text)
{
    struct flattened out = {.log = log};
    enum gyre_status status = append_file(&out, path);
    if (status != GYRE_OK) {
        free(out.text);
        out.text = NULL;
    }
    *text = out.text;
    return status;
}

uint64_t gyre_source_hash(enum gyre_backend_kind backend, const char *kernel)
{
    char path[MAX_PATH], *text = NULL;
    snprintf(path, sizeof(path), backend == GYRE_BACKEND_VULKAN ? "shaders/%s.comp" : "cl/%s.cl",
             kernel);
    if (gyre_source_get(NULL, path, &text) != GYRE_OK)
        return 0;
    uint64_t hash = XXH3_64bits(text, strlen(text));
    free(text);
    return hash;
}
