/* A part is written, closed and renamed; only then has the file changed. */
#include "base/text/file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static int file_fail(const char *path, int why, char err[IT_FILE_ERR])
{
    snprintf(err, IT_FILE_ERR, "%s: %s", path, strerror(why));
    return IT_ERR_IO;
}

/* Writes all of |data|. Returns 0 or the error's number. */
static int write_all(int fd, it_bytes data)
{
    for (size_t at = 0; at < data.n;) {
        ssize_t k = write(fd, data.p + at, data.n - at);
        if (k < 0 && errno == EINTR)
            continue;
        if (k <= 0)
            return k < 0 ? errno : ENOSPC;
        at += (size_t)k;
    }
    return 0;
}

/* True when |path| is a device or a pipe: it is written to, nothing takes its place. */
static bool is_channel(const char *path)
{
    struct stat st;
    return stat(path, &st) == 0 && (S_ISCHR(st.st_mode) || S_ISFIFO(st.st_mode));
}

static int write_channel(const char *path, it_bytes data, char err[IT_FILE_ERR])
{
    int fd = open(path, O_WRONLY | O_CLOEXEC);
    if (fd < 0)
        return file_fail(path, errno, err);
    int why = write_all(fd, data);
    if (close(fd) < 0 && why == 0)
        why = errno;
    return why == 0 ? 0 : file_fail(path, why, err);
}

int it_file_write(const char *path, it_bytes data, char err[IT_FILE_ERR])
{
    char part[4096];
    if (is_channel(path))
        return write_channel(path, data, err);
    if (snprintf(part, sizeof part, "%s.part", path) >= (int)sizeof part)
        return file_fail("the path of a file", ENAMETOOLONG, err);
    (void)unlink(part); /* what a killed run left, or somebody's link */
    int fd = open(part, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0666);
    if (fd < 0)
        return file_fail(path, errno, err);
    int why = write_all(fd, data);
    if (close(fd) < 0 && why == 0)
        why = errno;
    if (why == 0 && rename(part, path) < 0)
        why = errno;
    if (why == 0)
        return 0;
    (void)unlink(part);
    return file_fail(path, why, err);
}
