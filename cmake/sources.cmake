# SPDX-License-Identifier: MIT
# plug_sources(a.c b.c): adds files of this folder to libplug.
function(plug_sources)
  foreach(file ${ARGN})
    target_sources(plug_objects PRIVATE ${CMAKE_CURRENT_SOURCE_DIR}/${file})
  endforeach()
endfunction()
