/*
** pgroup.c - Process groups whose leader has ended. See pgroup.h.
*/
#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

#include "fdio.h"
#include "pgroup.h"


/* Is what its 'stat' says of a live process of group 'id'? */
static bool belongs (const char *stat, int id) {
  const char *rest = strrchr(stat, ')'); /* the name may hold anything */
  char state;
  int parent, group;
  if (rest == NULL) return false;
  if (sscanf(rest + 1, " %c %d %d", &state, &parent, &group) != 3) return false;
  return group == id && state != 'Z' && state != 'X';
}


static bool look (int dir, const char *pid, int id) {
  char path[64], stat[512];
  snprintf(path, sizeof path, "%.20s/stat", pid);
  int fd = openat(dir, path, O_RDONLY | O_CLOEXEC);
  if (fd < 0) return false;
  ssize_t n = sk_fdio_read(fd, stat, sizeof stat - 1);
  close(fd);
  if (n <= 0) return false;
  stat[n] = '\0';
  return belongs(stat, id);
}


bool sk_pgroup_lives (int id) {
  if (kill(-id, 0) < 0 && errno == ESRCH) return false;
  DIR *proc = opendir("/proc");
  if (proc == NULL) return true; /* as far as we know */
  bool found = false;
  for (struct dirent *e; !found && (e = readdir(proc)) != NULL;)
    if (*e->d_name >= '1' && *e->d_name <= '9')
      found = look(dirfd(proc), e->d_name, id);
  closedir(proc);
  return found;
}
