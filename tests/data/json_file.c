// SPDX-License-Identifier: MIT
#include "data/json_file.h"

#include <stdio.h>

#include "data/folder.h"

cJSON *data_read_json(const char *name)
{
    static char text[1 << 20];
    char path[1024];
    snprintf(path, sizeof(path), "%s/%s", data_dir(), name);
    FILE *file = fopen(path, "rb");
    if (file == NULL)
        return NULL;
    size_t size = fread(text, 1, sizeof(text), file);
    fclose(file);
    return cJSON_ParseWithLength(text, size);
}
