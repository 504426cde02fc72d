// Needs: tensors.
// Weights: a model that stands apart, in a file of its own, which is fetched when it is asked for.

// Its weights by name; `reference` is what a trait says of it.
tx.weightsOf = async (model, reference = model.get("weights")) => {
  const state = await model.widget_manager.get_model(reference.replace("IPY_MODEL_", ""));
  return tx.tensors(state.get("tensors"));
};

// What comes of it, told in the figure's line while it is on its way, and if it does not come.
tx.arrived = async (status, coming) => {
  status("The model is on its way to this page …");
  try {
    return await coming;
  } catch (error) {
    status(`The model could not be fetched: ${error.message}`);
    throw error;
  }
};
