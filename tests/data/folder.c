// SPDX-License-Identifier: MIT
#include "data/folder.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

const char *data_dir(void)
{
    const char *folder = getenv("GYRE_DATA_DIR");
    return folder != NULL && *folder != '\0' ? folder : DEFAULT_DATA_DIR;
}

bool data_is_there(void)
{
    struct stat st;
    return stat(data_dir(), &st) == 0;
}

bool data_find(const char *pattern, glob_t *found)
{
    char full[1024];
    snprintf(full, sizeof(full), "%s/%s", data_dir(), pattern);
    return glob(full, 0, NULL, found) == 0;
}
