/* Whole files out, so that nobody ever meets half a one. */
#ifndef IT_BASE_TEXT_FILE_H
#define IT_BASE_TEXT_FILE_H

#include "base/bytes.h"
#include "base/err.h"

#define IT_FILE_ERR 512 /* room for a message, with NUL */

/* Writes |data| to |path| by way of a fresh PATH.part, which takes the place of what was there. Symbolic links are
 * replaced, never followed: a folder of results may be one that somebody else can write to. A device or a pipe is
 * written to and stays. Returns 0, or IT_ERR_IO with a one-line message in |err|; a file at |path| is then as it was
 * and no part is left. */
int it_file_write(const char *path, it_bytes data, char err[IT_FILE_ERR]) IT_MUST_CHECK;

#endif
