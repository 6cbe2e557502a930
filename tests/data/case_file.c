// SPDX-License-Identifier: MIT
#include "data/case_file.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_LINE = 512 };

static bool read_attr(const char *line, struct case_file *file, char *error)
{
    char type[16];
    if (file->n_attrs == CASE_MAX_ATTRS) {
        snprintf(error, NPY_ERROR_SIZE, "more than %d attributes", CASE_MAX_ATTRS);
        return false;
    }
    if (sscanf(line, "attr %47s %15s %lf", file->attrs[file->n_attrs].name, type,
               &file->attrs[file->n_attrs].value) != 3) {
        snprintf(error, NPY_ERROR_SIZE, "not an attribute: %.100s", line);
        return false;
    }
    file->n_attrs++;
    return true;
}

static bool read_tensor(const char *folder, const char *line, struct case_tensor *slots,
                        char *error)
{
    char path[MAX_LINE * 2];
    int slot;
    const char *name = strrchr(line, ' ');
    if (sscanf(line, "%*s %d", &slot) != 1 || slot < 0 || slot >= CASE_MAX_SLOTS || name == NULL ||
        slots[slot].values != NULL) {
        snprintf(error, NPY_ERROR_SIZE, "not a tensor: %.100s", line);
        return false;
    }
    snprintf(path, sizeof(path), "%s/%s", folder, name + 1);
    if (!npy_read(path, &slots[slot].array, error))
        return false;
    slots[slot].values = npy_to_doubles(&slots[slot].array);
    return slots[slot].values != NULL;
}

static bool read_line(const char *folder, const char *line, struct case_file *file, char *error)
{
    if (strncmp(line, "op ", 3) == 0)
        return sscanf(line, "op %47s", file->op) == 1;
    if (strncmp(line, "attr ", 5) == 0)
        return read_attr(line, file, error);
    if (strncmp(line, "in ", 3) == 0)
        return read_tensor(folder, line, file->in, error);
    if (strncmp(line, "out ", 4) == 0)
        return read_tensor(folder, line, file->out, error);
    return true; // "opset N": the rules that the cases use are the same in all
}

bool case_file_read(const char *folder, struct case_file *out, char error[NPY_ERROR_SIZE])
{
    char line[MAX_LINE], path[MAX_LINE * 2];
    memset(out, 0, sizeof(*out));
    snprintf(path, sizeof(path), "%s/case.txt", folder);
    snprintf(error, NPY_ERROR_SIZE, "cannot read %.200s", path);
    FILE *file = fopen(path, "r");
    if (file == NULL)
        return false;
    bool is_good = true;
    while (is_good && fgets(line, sizeof(line), file) != NULL) {
        line[strcspn(line, "\r\n")] = '\0';
        is_good = read_line(folder, line, out, error);
    }
    fclose(file);
    if (!is_good)
        case_file_free(out);
    return is_good;
}

void case_file_free(struct case_file *file)
{
    for (int slot = 0; slot < CASE_MAX_SLOTS; slot++) {
        npy_free(&file->in[slot].array);
        npy_free(&file->out[slot].array);
        free(file->in[slot].values);
        free(file->out[slot].values);
    }
    memset(file, 0, sizeof(*file));
}

double case_file_attr(const struct case_file *file, const char *name, double otherwise)
{
    for (size_t i = 0; i < file->n_attrs; i++)
        if (strcmp(file->attrs[i].name, name) == 0)
            return file->attrs[i].value;
    return otherwise;
}

const char *case_file_unknown_attr(const struct case_file *file, const char *const *known)
{
    for (size_t i = 0; i < file->n_attrs; i++) {
        const char *const *name = known;
        while (*name != NULL && strcmp(*name, file->attrs[i].name) != 0)
            name++;
        if (*name == NULL)
            return file->attrs[i].name;
    }
    return NULL;
}
