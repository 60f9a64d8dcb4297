# For a first build that is quick: several files of a library are compiled as one, so that headers are read once for all.
option(ELVES_UNITY "Compile files of a library together" OFF)
if(NOT ELVES_UNITY)
    return()
endif()
# Where it pays. The commands of elvesctl and the files of fleet share too many local names.
foreach(library core rpc store audit client http server agent module_heartbeat module_supervisor module_tasklog
        module_cron module_run module_apps)
    set_target_properties(elves_${library} PROPERTIES UNITY_BUILD ON UNITY_BUILD_BATCH_SIZE 8)
    # GCC takes a type that is local to a file for one of a header, where another file includes it.
    target_compile_options(elves_${library} PRIVATE -Wno-subobject-linkage)
endforeach()
# Compiled alone: each has a local name that a neighbour has too.
set_source_files_properties(
    modules/apps/packages.cpp modules/supervisor/join_records.cpp modules/supervisor/key_ring.cpp
    modules/supervisor/supervisor.cpp modules/tasklog/live_output.cpp
    src/agent/confinement.cpp src/agent/enrolment.cpp src/agent/worker_command.cpp
    src/core/quartz_rule.cpp src/core/settings.cpp src/store/check_data_file.cpp
    PROPERTIES SKIP_UNITY_BUILD_INCLUSION ON)
