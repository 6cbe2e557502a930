// SPDX-License-Identifier: MIT
// The folder of data that others wrote: $GYRE_DATA_DIR, or shared/data beside the project.
#ifndef DATA_FOLDER_H
#define DATA_FOLDER_H

#include <glob.h>
#include <stdbool.h>

const char *data_dir(void);
bool data_is_there(void);

// Finds the paths that fit a pattern within the folder, such as "rope/*.txt". False: none. After
// true the caller owes a globfree.
bool data_find(const char *pattern, glob_t *found);

#endif
